#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""Manual pages and shell completions know what the program knows, and the
examples in the pages are good."""
import os
import re
import shlex
import subprocess
import tempfile

from rig import TOP, check, end

MAN, COMPLETIONS = (os.path.join(TOP, "userspace", name) for name in ("man", "completions"))
PROGRAM = os.path.join(TOP, "build/bin/nanodose")


def run(*command, **keywords):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **keywords)
    return done.returncode, done.stdout


def read(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def options_of(verb):
    return sorted(set(re.findall(r"--([a-z][a-z-]*)", run(PROGRAM, verb, "--help")[1].split("chromium")[0])) |
                  {"help"})


def examples(page):
    return re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)


verbs = re.findall(r"^  ([a-z]+)  +\S", run(PROGRAM, "--help")[1], re.M)
check("the program tells its verbs", len(verbs) >= 9, verbs)
options = {verb: options_of(verb) for verb in verbs}
for words in [[], *([verb] for verb in verbs)]:
    lines = run(PROGRAM, *words, "--help")[1].splitlines()
    check(f"{' '.join(['nanodose', *words])} --help fits a screen of 80 x 24", 0 < len(lines) <= 24 and max(map(len, lines)) <= 80,
          [line for line in lines if len(line) > 80] or len(lines))

# ---- pages --------------------------------------------------------------------

status, out = run("mandoc", "-Tlint", "-Wwarning", *sorted(os.listdir(MAN)), cwd=MAN)
check("mandoc finds nothing in any page", status == 0 and out == "", out)
main_page = read(MAN, "nanodose.1")
for verb in verbs:
    page = read(MAN, f"nanodose-{verb}.1")
    missing = [name for name in options[verb] if not re.search(rf"^\.It Fl -{name}(?![a-z-])", page, re.M)]
    check(f"{verb} has a page with all its options", page and not missing, missing or "no page")
    check(f"{verb}'s page has an example of it",
          any(f"nanodose {verb}" in example for example in examples(page)))
    check(f"nanodose(1) tells of {verb}",
          f".It Cm {verb}\n" in main_page and f".Xr nanodose-{verb} 1" in main_page)
    stale = [name for name in re.findall(r"^\.It Fl -([a-z][a-z-]*)", page, re.M)
             if name not in options[verb]]
    check(f"{verb}'s page has no option that {verb} has not", not stale, stale)
pages = [name[len("nanodose-"):-2] for name in os.listdir(MAN) if re.match(r"nanodose-.*\.1$", name)]
# The one that is no verb is a program.
check("no page is of a verb that does not exist", sorted(pages) == sorted([*verbs, "hdf5"]), pages)
for name in ("nanodose-protocol.5", "nanodose-run-file.5", "nanodose.3", "nanodose.4"):
    check(f"{name} has an example", examples(read(MAN, name)))
referenced = {f"{name}.{section}" for page in os.listdir(MAN)
              for name, section in re.findall(r"^\.Xr (nanodose\S*) (\d)", read(MAN, page), re.M)}
check("pages refer to pages that exist", referenced <= set(os.listdir(MAN)),
      referenced - set(os.listdir(MAN)))

with tempfile.TemporaryDirectory() as folder:
    protocol, source = os.path.join(folder, "example.yaml"), os.path.join(folder, "example.c")
    with open(protocol, "w", encoding="utf-8") as file:
        file.write(examples(read(MAN, "nanodose-protocol.5"))[0])
    status, out = run(PROGRAM, "check", protocol)
    check("the example in nanodose-protocol(5) is a good protocol", status == 0, out)
    with open(source, "w", encoding="utf-8") as file:
        file.write(examples(read(MAN, "nanodose.3"))[0].replace("\\e", "\\"))
    status, out = run("cc", "-Wall", "-Wextra", "-Werror", f"-I{TOP}/userspace/include",
                      f"-I{TOP}/kmod/include/uapi", "-o", os.path.join(folder, "example"), source,
                      f"-L{TOP}/build/lib", "-lnanodose")
    check("the example in nanodose(3) builds with the library", status == 0, out)
text = read(MAN, "nanodose-protocol.5")
keys = ("nanodose name rig inputs channels limits steps value min max pump syringe loaded fluid "
        "particles concentration rate volume pressure infuse withdraw mix hold wait repeat channel "
        "duration ratio total_rate time operator until timeout then times ramp from to stairs ceiling gradient profile unit carrier "
        "share table pulse period agitate prime flush park dead_volume dose for clock every while "
        "condition at_most if else chip width height length shear").split()
missing = [key for key in keys if not re.search(rf"\b(Cm|Cm [a-z]+ ,) {key}\b", text)]
check("nanodose-protocol(5) has every key of the language", not missing, missing)

# ---- completions ----------------------------------------------------------------

BASH = """source {folder}/nanodose.bash; compopt() {{ :; }}
COMP_WORDS=({words} ""); COMP_WORDS[{last}]={word}; COMP_CWORD={last}; _nanodose; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """_describe() {{ print -l -- ${{(P)2}} }}; _arguments() {{ print -l -- "$@" }}
words=({words} {word}); CURRENT=$#words; source {folder}/_nanodose
"""
FISH = "source {folder}/nanodose.fish; complete -C {line}"
environment = dict(os.environ, PATH=f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}", HOME="/nonexistent",
                   XDG_CONFIG_HOME="/nonexistent", XDG_DATA_HOME="/nonexistent")


def complete(shell, *words):
    """What the shell offers for the last word."""
    before, word = " ".join(words[:-1]), shlex.quote(words[-1])
    if shell == "bash":
        script = BASH.format(folder=COMPLETIONS, words=before, word=word, last=len(words) - 1)
        return run("bash", "--norc", "-c", script, env=environment)[1]
    if shell == "zsh":
        script = ZSH.format(folder=COMPLETIONS, words=before, word=word)
        return run("zsh", "-f", "-c", script, env=environment)[1]
    script = FISH.format(folder=COMPLETIONS, line=shlex.quote(" ".join(words)))
    return run("fish", "--no-config", "-c", script, env=environment)[1]


for shell in ("bash", "zsh", "fish"):
    out = complete(shell, "nanodose", "")
    offered = set(re.findall(r"^([a-z]+)\b", out, re.M)) - {"help"}
    check(f"{shell} offers every verb and no other", offered == set(verbs), out)
    for verb in verbs:
        out = complete(shell, "nanodose", verb, "--")
        offered = set(re.findall(r"^\W*--([a-z][a-z-]*)", out, re.M))
        check(f"{shell} offers every option of {verb} and no other", offered == set(options[verb]),
              f"{sorted(offered)}, expected {options[verb]}\n{out}")
end()
