# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of nanodose for bash: to /usr/share/bash-completion/completions/nanodose

_nanodose_pumps()
{
	nanodose list 2>/dev/null | awk 'NR > 1 { if (!NF) exit; print $1; if ($2 != "-") print $2 }'
}

_nanodose_runs()
{
	nanodose list --runs 2>/dev/null | awk 'NF && $1 != "RUN" { print $1 }'
}

_nanodose_files()
{
	local IFS=$'\n' pattern
	for pattern in "$@"; do
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X "!$pattern" -- "$word")
	done
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -S / -- "$word")
	compopt -o nospace -o filenames 2>/dev/null
}

_nanodose()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
	local verbs='list info monitor check plan rehearse run attach stop jog prime home calibrate setup export report verify' options=

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs help --help --version" -- "$word")
		return
	fi
	case $verb in
	list) options='--runs --watch --json' ;;
	info) options='--json' ;;
	monitor) options='--json --count' ;;
	check) options='--set --inputs --verbose --json' ;;
	plan) options='--set --inputs --csv --svg --json' ;;
	rehearse) options='--fault --signal --rig --rig-from --set --inputs --record --rate --yes --json --here --called' ;;
	run) options='--set --inputs --record --resume --rate --wait --headless --yes --json' ;;
	attach) options='--watch --take' ;;
	stop) options='--all --now' ;;
	jog) options='--withdraw --syringe --rate --fluid --clear --json' ;;
	prime) options='--syringe --rate --fluid --clear --json' ;;
	home) options='--plus --yes --syringe --rate --fluid --clear --json' ;;
	calibrate) options='--syringe --fluid --volume --rate --weigh --density --name --yes --clear --json' ;;
	export) options='--format --events --json --output' ;;
	report) options='--output' ;;
	verify) options='--seal --json' ;;
	esac
	case $before in
	--count|--set|--rate|--seal|--fault|--signal|--syringe|--volume|--density) return ;;
	--fluid) mapfile -t COMPREPLY < <(compgen -W 'water ipa' -- "$word"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'csv json hdf5' -- "$word"); return ;;
	--rig|--inputs) _nanodose_files '*.yaml' '*.yml'; return ;;
	--record|--resume|--called|--rig-from) _nanodose_files '*.db'; return ;;
	--output) _nanodose_files '*'; return ;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
		return
	fi
	case $verb in
	info|monitor|jog|prime|home|calibrate) mapfile -t COMPREPLY < <(compgen -W "$(_nanodose_pumps)" -- "$word") ;;
	attach) mapfile -t COMPREPLY < <(compgen -W "$(_nanodose_runs)" -- "$word") ;;
	stop) mapfile -t COMPREPLY < <(compgen -W "$(_nanodose_pumps) $(_nanodose_runs)" -- "$word") ;;
	check|plan|rehearse|run) _nanodose_files '*.yaml' '*.yml' ;;
	export|report|verify) _nanodose_files '*.db' ;;
	esac
}

complete -F _nanodose nanodose
