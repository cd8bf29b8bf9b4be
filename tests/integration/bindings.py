#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""The device tree bindings by dt-schema's own tools: each is a good schema, its examples are valid, and a tree with one thing
wrong is refused for that. What they allow is what the driver takes."""
import os
import re
import subprocess
import tempfile

from rig import TOP, check, end

BINDINGS = os.path.join(TOP, "dts/bindings")
INCLUDE = os.path.join(TOP, "build/vm/source/include")
# A board as small as one can be, with what the template's overlay refers to.
BOARD = """\
/dts-v1/;
/ {
	compatible = "foo";
	model = "foo";
	#address-cells = <1>;
	#size-cells = <1>;

	vdd_3v3: regulator {
		compatible = "regulator-fixed";
		regulator-name = "3v3";
	};
	gpio: gpio@1000 {
		compatible = "foo,gpio";
		reg = <0x1000 0x100>;
		gpio-controller;
		#gpio-cells = <2>;
	};
	i2c1: i2c@2000 {
		compatible = "foo,i2c";
		reg = <0x2000 0x100>;
	};
};
"""
PUMP, SENSOR = "ti,drv8825.yaml", "sensirion,slf3s.yaml"


def sh(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout + done.stderr


def examples(binding):
    """Each example as the source of a tree."""
    status, text = sh("dt-extract-example", binding, cwd=BINDINGS)
    assert status == 0, text
    return text


def judged(text):
    """What dt-validate says of a tree; the error, where it does not even compile."""
    with open(os.path.join(folder, "tree.dts"), "w", encoding="utf-8") as file:
        file.write(text)
    status, said = sh("cpp", "-nostdinc", "-undef", "-x", "assembler-with-cpp", "-I", INCLUDE, "tree.dts", "tree.pre.dts", cwd=folder)
    if status == 0:
        status, said = sh("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", "tree.dtb", "tree.pre.dts", cwd=folder)
    if status:
        return said
    return sh("dt-validate", "-s", "schema.json", "tree.dtb", cwd=folder)[1]


def in_driver(path, pattern):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return set(re.findall(pattern, file.read()))


def properties(binding):
    with open(os.path.join(BINDINGS, binding), encoding="utf-8") as file:
        text = file.read()
    return re.findall(r"^  ([a-z][a-z-]*):", text[text.index("\nproperties:"):text.index("\nrequired:")], re.M)


with tempfile.TemporaryDirectory() as folder:
    for name in sorted(os.listdir(BINDINGS)):
        status, said = sh("dt-doc-validate", "-u", BINDINGS, name, cwd=BINDINGS)
        check(f"{name} is a good schema", status == 0 and said == "", said)
    status, said = sh("dt-mk-schema", "-j", "-o", os.path.join(folder, "schema.json"), BINDINGS)
    check("together they are one", status == 0 and said == "", said)
    for name in (PUMP, SENSOR):
        said = judged(examples(name))
        check(f"the examples of {name} are valid", said == "", said)
        unused = [one for one in properties(name) if not re.search(rf"\b{one}\b", examples(name))]
        check(f"and use every property of {name}", unused == [], unused)

    # ---- one thing wrong in each ------------------------------------------------------
    good = examples(PUMP)
    good = good[:good.index("example-0 {")] + good[good.index("example-1 {"):]
    check("the one that has all is valid by itself", judged(good) == "", judged(good))
    BROKEN = [
        ('compatible = "adi,tmc2209"', 'compatible = "adi,tmc2209", "ti,drv8825"', "compatible"),
        ('label = "lipid"', 'label = "a name that is longer than what the driver takes"', "label"),
        ('label = "lipid"', "label = <7>", "label"),
        ('io-channel-names = "pressure"', 'io-channel-names = "force"', "io-channel-names"),
        ('        io-channel-names = "pressure";\n', "", "io-channel-names"),
        ("io-channels = <&pressure 0>", "io-channels = <&pressure 0>, <&pressure 1>", "io-channels"),
        ("flow-sensor = <&flow>", 'flow-sensor = "flow"', "flow-sensor"),
        ("vm-supply = <&reg_24v>", "vm-supply = <1>, <2>", "vm-supply"),
        ("vio-supply = <&reg_3v3>", "vio-supply = <1>, <2>", "vio-supply"),
        ("step-both-edges;", "step-both-edges = <1>;", "step-both-edges"),
        ("step-both-edges;", "step-both-edges; syringe-volume-ml = <1>;", "syringe-volume-ml"),
        ("step-both-edges;", "step-both-edges; fluid;", "fluid"),
    ]
    for line in ("step", "dir", "enable", "sleep", "fault", "estop", "limit-plus", "limit-minus", "home"):
        had = re.search(rf"{line}-gpios = (<[^>]*>);", good).group(0)
        BROKEN.append((had, had[:-1] + ", <&gpio 99 0>;", f"{line}-gpios"))
    for number, least, most in (("microsteps-per-revolution", 1, 10000000), ("lead-pitch-nanometers", 1000, 100000000),
                                ("pulse-width-ns", 100, 100000), ("dir-setup-ns", None, 1000000), ("dir-hold-ns", None, 1000000),
                                ("wake-up-us", None, 100000), ("max-step-rate-hz", 1, 200000)):
        had = re.search(rf"\b{number} = <[^>]*>;", good).group(0)
        BROKEN += [(had, f"{number} = <{wrong}>;", number) for wrong in
                   ([] if least is None else [least - 1]) + [most + 1]]
        BROKEN.append((had, f"{number} = <1000 1000>;", number))
        edge = good.replace(had, f"{number} = <{most}>;")
        check(f"{number} = {most} is valid", judged(edge) == "", judged(edge))
    for required in ("step-gpios", "dir-gpios", "microsteps-per-revolution", "lead-pitch-nanometers"):
        had = re.search(rf"\b{required} = [^;]*;", good).group(0)
        BROKEN.append((had, "", f"'{required}' is a required property"))
    sensor = examples(SENSOR)
    SENSORS = [
        ("reg = <0x08>", "reg = <0x09>", "reg"),
        ("reg = <0x08>;", "", "'reg' is a required property"),
        ("vdd-supply = <&reg_3v3>", "vdd-supply = <1>, <2>", "vdd-supply"),
        ("vdd-supply = <&reg_3v3>;", "", "'vdd-supply' is a required property"),
        ("vdd-supply = <&reg_3v3>;", "vdd-supply = <&reg_3v3>; medium = <1>;", "medium"),
        ("interrupts = <4 1>", "interrupts = <4 1>, <5 1>", "interrupts"),
        ('compatible = "sensirion,slf3s-1300f"', 'compatible = "sensirion,slf3s-1300f", "sensirion,slf3s-0600f"', "compatible"),
    ]
    for whole, broken in ((good, BROKEN), (sensor, SENSORS)):
        for had, wrong, words in broken:
            tree = whole.replace(had, wrong)
            assert tree != whole, had
            said = judged(tree)
            check(f"{wrong.strip() or 'without ' + had.strip()}: refused for {words}", words in said, said or "nothing was said")

    # ---- the template's overlay ----------------------------------------------------------
    with open(os.path.join(folder, "board.dts"), "w", encoding="ascii") as file:
        file.write(BOARD)
    status, said = sh("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", "board.dtb", "board.dts", cwd=folder)
    check("the board compiles", status == 0 and said == "", said)
    status, said = sh("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", os.path.join(folder, "template.dtbo"),
                      os.path.join(TOP, "dts/overlays/template.dtso"))
    check("the template compiles without a warning", status == 0 and said == "", said)
    status, said = sh("fdtoverlay", "-i", "board.dtb", "-o", "merged.dtb", "template.dtbo", cwd=folder)
    check("it merges with the board", status == 0 and said == "", said)
    said = sh("dt-validate", "-s", "schema.json", "merged.dtb", cwd=folder)[1]
    check("the merged tree is valid", said == "", said)
    merged = sh("dtc", "-q", "-I", "dtb", "-O", "dts", "merged.dtb", cwd=folder)[1]
    check("and has the pump and its sensor", 'compatible = "ti,drv8825"' in merged and "flow-sensor@8" in merged, merged)

    # ---- the driver ------------------------------------------------------------------
    takes = in_driver("kmod/core.c", r'\.compatible = "([^"]+)"') | in_driver("kmod/flow_sf06.c", r'\.compatible = "([^"]+)"')
    tells = {one for name in (PUMP, SENSOR) for one in in_driver("dts/bindings/" + name, r"\n      - ([a-z]+,[a-z0-9-]+)(?=\n)")}
    check("the driver takes what the bindings tell, and they tell all it takes", takes == tells, (takes, tells))
end()
