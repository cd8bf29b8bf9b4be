#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""libnanodose as somebody else's program uses it: headers, symbols, answers."""
import os
import re
import subprocess
import tempfile

from rig import TOP, check, end

HEADERS = ["kmod/include/uapi/linux/nanodose.h", "userspace/include/nanodose.h"]
INCLUDE = [f"-I{TOP}/kmod/include/uapi", f"-I{TOP}/userspace/include"]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
LIBRARY = os.path.join(TOP, "build/lib/libnanodose.so")

CLIENT = r"""
#include <errno.h>
#include <nanodose.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct nanodose_list *list = nanodose_list_new();
	const struct nanodose_syringe *syringe = nanodose_syringe_find("bd  plastipak 10 ml");
	char text[64], *error = NULL;
	double rate = 0, volume = 0;
	int good;

	printf("list %d\n", list != NULL);
	nanodose_list_free(list);
	good = nanodose_quantity_parse("12 mL/min", NANODOSE_DIMENSION_RATE, &rate, &error);
	printf("parse %d %.9g %d\n", good, rate, error == NULL);
	good = nanodose_quantity_parse("12 mL", NANODOSE_DIMENSION_RATE, &rate, &error);
	printf("refuse %d %d %d\n", good, errno == EDOM, error != NULL);
	free(error);
	good = nanodose_quantity_parse("12", NANODOSE_DIMENSION_VOLUME, &volume, NULL);
	printf("bare %d %d\n", good, errno == EINVAL);
	printf("format %s\n", nanodose_quantity_format(1.5e-6, NANODOSE_DIMENSION_VOLUME, text, sizeof(text)));
	printf("syringe %.3f\n", syringe ? syringe->diameter_m * 1e3 : 0);
	good = nanodose_device_open("/dev/null", false) != NULL;
	printf("none %d %d\n", good, errno == ENODEV);
	good = nanodose_device_open("/no/such", true) != NULL;
	printf("missing %d %d\n", good, errno == ENOENT);
	nanodose_device_close(NULL);
	nanodose_list_free(NULL);
	nanodose_watch_free(NULL);
	return 0;
}
"""

# Figures: 12 mL/min is 12e-6 / 60 m3/s; a BD Plastipak 10 mL has a bore of 14.427 mm
# (Harvard Apparatus, Pump 11 Elite user's guide, appendix A).
ANSWERS = """\
list 1
parse 0 2e-07 1
refuse -1 1 1
bare -1 1
format 1.5 mL
syringe 14.427
none 0 1
missing 0 1
"""


def run(*command, **keywords):
    return subprocess.run(command, capture_output=True, text=True, check=False, **keywords)


for header in HEADERS:
    for language, name, standard in (("c", "C", "c11"), ("c++", "C++", "c++11")):
        result = run("gcc", "-x", language, f"-std={standard}", *STRICT, "-fsyntax-only", *INCLUDE, "-",
                     input=f'#include "{TOP}/{header}"\n')
        check(f"{header} stands by itself in {name}", result.returncode == 0, result.stderr)

with open(os.path.join(TOP, HEADERS[1]), encoding="utf-8") as file:
    promised = set(re.findall(r"^NANODOSE_API [^;]*?(nanodose_\w+)\(", file.read(), re.M))
exported = {line.split()[-1] for line in run("nm", "-D", "--defined-only", LIBRARY).stdout.splitlines()}
check("the library exports what its header promises and nothing else",
      len(promised) > 30 and exported == promised, promised ^ exported)

with tempfile.TemporaryDirectory() as folder:
    source, program = os.path.join(folder, "client.c"), os.path.join(folder, "client")
    with open(source, "w", encoding="ascii") as file:
        file.write(CLIENT)
    os.symlink(LIBRARY, os.path.join(folder, "libnanodose.so"))
    os.symlink(LIBRARY, os.path.join(folder, "libnanodose.so.0"))
    result = run("gcc", "-std=c11", *STRICT, *INCLUDE, "-o", program, source, f"-L{folder}", "-lnanodose")
    check("a program of somebody else's links with nothing but the library", result.returncode == 0, result.stderr)
    result = run(program, env={**os.environ, "LD_LIBRARY_PATH": folder})
    check("it gets the answers that the header documents", result.stdout == ANSWERS, result.stdout + result.stderr)
end()
