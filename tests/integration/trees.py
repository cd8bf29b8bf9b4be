# SPDX-License-Identifier: GPL-2.0-or-later
"""Device trees for tests: a machine with simulated rigs and pumps on them, as a
board's tree would describe them."""
import os
import subprocess

HIGH, LOW = 0, 1                    # as in dt-bindings/gpio/gpio.h
# Lines of the rig's GPIO controller
LINES = {"step": 0, "dir": 1, "enable": 2, "estop": 3, "limit-plus": 4, "limit-minus": 5, "fault": 6, "home": 7, "sleep": 8}


def rig(name, sensor="sensirion,slf3s-0600f", **properties):
    """A rig with its sensor on its bus; a property that is True stands without a value."""
    text = "".join(f"\t\t{key.replace('_', '-')};\n" if value is True else f"\t\t{key.replace('_', '-')} = {value};\n"
                   for key, value in properties.items())
    return f"""\
	{name}: rig-{name} {{
		compatible = "nanodose,sim-rig";
		label = "{name}";
		gpio-controller;
		#gpio-cells = <2>;
		#io-channel-cells = <1>;
{text}
		i2c {{
			#address-cells = <1>;
			#size-cells = <0>;
			flow_{name}: flow-sensor@8 {{
				compatible = "{sensor}";
				reg = <0x08>;
				vdd-supply = <&supply_{name}>;
			}};
			other_{name}: other@9 {{
				compatible = "linux,dummy";
				reg = <0x09>;
			}};
		}};
	}};
	supply_{name}: regulator-{name} {{
		compatible = "regulator-fixed";
		regulator-name = "supply-{name}";
		regulator-min-microvolt = <3300000>;
		regulator-max-microvolt = <3300000>;
	}};
"""


def pump(name, on, lines=("step", "dir", "enable"), without=(), **properties):
    """A pump named so on a rig; what is given last goes over what it has."""
    has = {f"{line}-gpios": f"<&{on} {LINES[line]} {HIGH}>" for line in lines}
    has.update({"compatible": '"ti,drv8825"', "label": f'"{name}"', "microsteps-per-revolution": "<3200>",
                "lead-pitch-nanometers": "<1000000>", "flow-sensor": f"<&flow_{on}>"})
    has.update({key.replace("_", "-"): value for key, value in properties.items()})
    body = "".join(f"\t\t{key};\n" if value is True else f"\t\t{key} = {value};\n" for key, value in has.items() if key not in without)
    return f"\tpump-{name} {{\n{body}\t}};\n"


def tree(*nodes):
    return '/dts-v1/;\n/ {\n\tcompatible = "nanodose,bench";\n\tmodel = "bench";\n\t#address-cells = <1>;\n\t#size-cells = <1>;\n' + \
        "".join(nodes) + "};\n"


def overlay(*nodes):
    """For a board's own tree, in which &gpio is its GPIO controller."""
    return "/dts-v1/;\n/plugin/;\n&{/} {\n" + "".join(nodes) + "};\n"


def compiled(text, path):
    """The tree, at this path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", path, "-"], input=text, text=True, check=True)
    return path
