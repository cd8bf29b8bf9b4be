# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of nanodose for fish: to /usr/share/fish/vendor_completions.d/nanodose.fish

function __nanodose_pumps
	nanodose list 2>/dev/null | awk 'NR > 1 { if (!NF) exit; print $1; if ($2 != "-") print $2 }'
end

function __nanodose_runs
	nanodose list --runs 2>/dev/null | awk 'NF && $1 != "RUN" { print $1 }'
end

function __nanodose_verb
	set -l words (commandline -opc)
	test (count $words) -gt 1; and contains -- $words[2] $argv
end

complete -c nanodose -f
complete -c nanodose -n __fish_use_subcommand -l version -d 'Print the version'
complete -c nanodose -l help -d 'Print a summary'

complete -c nanodose -n __fish_use_subcommand -a list -d 'Show the pumps of this machine'
complete -c nanodose -n __fish_use_subcommand -a info -d 'Show what a pump is and how it stands'
complete -c nanodose -n __fish_use_subcommand -a monitor -d 'Print a pump\'s records as they come'
complete -c nanodose -n __fish_use_subcommand -a check -d 'Find every error of a protocol'
complete -c nanodose -n __fish_use_subcommand -a plan -d 'Show what a protocol will do'
complete -c nanodose -n __fish_use_subcommand -a rehearse -d 'Run a protocol on a model of the rig'
complete -c nanodose -n __fish_use_subcommand -a run -d 'Dose as a protocol says'
complete -c nanodose -n __fish_use_subcommand -a attach -d 'The screen of a run under way'
complete -c nanodose -n __fish_use_subcommand -a stop -d 'Bring pumps to rest, whoever drives them'
complete -c nanodose -n __fish_use_subcommand -a jog -d 'Move a pump by hand'
complete -c nanodose -n __fish_use_subcommand -a prime -d 'Fill a line by hand, until it is clear of air'
complete -c nanodose -n __fish_use_subcommand -a home -d 'Find the end of travel by its switch'
complete -c nanodose -n __fish_use_subcommand -a calibrate -d 'Find out what a rig is, or weigh a step'
complete -c nanodose -n __fish_use_subcommand -a setup -d 'Ask what a configuration needs'
complete -c nanodose -n __fish_use_subcommand -a export -d 'Turn a run\'s record into CSV, JSON or HDF5'
complete -c nanodose -n __fish_use_subcommand -a report -d 'Make one page of a run'
complete -c nanodose -n __fish_use_subcommand -a verify -d 'Tell whether a run file was altered'

complete -c nanodose -n '__nanodose_verb info monitor stop jog prime home calibrate' -a '(__nanodose_pumps)'
complete -c nanodose -n '__nanodose_verb attach stop' -a '(__nanodose_runs)'
complete -c nanodose -n '__nanodose_verb check plan rehearse run' -k -a '(__fish_complete_suffix .yaml)'
complete -c nanodose -n '__nanodose_verb export report verify' -k -a '(__fish_complete_suffix .db)'

complete -c nanodose -n '__nanodose_verb list info monitor check plan rehearse run jog prime home calibrate export verify' -l json -d 'As JSON'
complete -c nanodose -n '__nanodose_verb monitor' -l count -x -d 'End after so many records'
complete -c nanodose -n '__nanodose_verb plan' -l csv -d 'Set points as CSV'
complete -c nanodose -n '__nanodose_verb plan' -l svg -d 'A picture'
complete -c nanodose -n '__nanodose_verb check plan rehearse run' -l set -x -d 'Give an input another value'
complete -c nanodose -n '__nanodose_verb check plan rehearse run' -l inputs -r -F -d 'A file of them'
complete -c nanodose -n '__nanodose_verb check' -l verbose -d 'Say which pumps are not there'
complete -c nanodose -n '__nanodose_verb rehearse run' -l record -r -F -d 'Where the record goes'
complete -c nanodose -n '__nanodose_verb run' -l resume -r -F -d 'Go on with a run'
complete -c nanodose -n '__nanodose_verb rehearse run' -l rate -x -d 'Flow records a second'
complete -c nanodose -n '__nanodose_verb run' -l headless -d 'Progress lines, no screen'
complete -c nanodose -n '__nanodose_verb rehearse run home calibrate' -l yes -d 'Answer yes to every question'
complete -c nanodose -n '__nanodose_verb rehearse' -l fault -x -d 'A fault of the rig at a time'
complete -c nanodose -n '__nanodose_verb rehearse' -l signal -x -d 'What a signal says, from a time on'
complete -c nanodose -n '__nanodose_verb rehearse' -l rig -r -F -d 'The model of the rig'
complete -c nanodose -n '__nanodose_verb rehearse' -l rig-from -r -F -d 'The same, fitted to a run'
complete -c nanodose -n '__nanodose_verb rehearse' -l here -d 'On the simulated rigs of this kernel'
complete -c nanodose -n '__nanodose_verb rehearse' -l called -r -F -d 'How the summary calls the record'
complete -c nanodose -n '__nanodose_verb list' -l runs -d 'The runs under way'
complete -c nanodose -n '__nanodose_verb attach' -l watch -d 'Only look on'
complete -c nanodose -n '__nanodose_verb attach' -l take -d 'Take the run in hand'
complete -c nanodose -n '__nanodose_verb stop' -l all -d 'Every pump'
complete -c nanodose -n '__nanodose_verb stop' -l now -d 'No further step'
complete -c nanodose -n '__nanodose_verb export' -l format -x -a 'csv json hdf5' -d 'What comes out'
complete -c nanodose -n '__nanodose_verb export' -l events -d 'The events instead of the samples'
complete -c nanodose -n '__nanodose_verb export report' -l output -r -F -d 'Instead of standard output'
complete -c nanodose -n '__nanodose_verb verify' -l seal -x -d 'The seal that was noted down'
complete -c nanodose -n '__nanodose_verb jog' -l withdraw -d 'The other way'
complete -c nanodose -n '__nanodose_verb home' -l plus -d 'To the dispensed end'
complete -c nanodose -n '__nanodose_verb jog prime home calibrate' -l syringe -x -d 'What is mounted'
complete -c nanodose -n '__nanodose_verb jog prime home calibrate' -l rate -x -d 'How fast'
complete -c nanodose -n '__nanodose_verb jog prime home calibrate' -l fluid -x -a 'water ipa' -d 'For the flow sensor'
complete -c nanodose -n '__nanodose_verb jog prime home calibrate' -l clear -d 'Clear latched faults first'
complete -c nanodose -n '__nanodose_verb list' -l watch -d 'Each that comes or goes'
complete -c nanodose -n '__nanodose_verb run' -l wait -d 'Until the pumps are there'
complete -c nanodose -n '__nanodose_verb calibrate' -l volume -x -d 'To push out'
complete -c nanodose -n '__nanodose_verb calibrate' -l weigh -d 'By a balance'
complete -c nanodose -n '__nanodose_verb calibrate' -l name -x -d 'Of the liquid in protocols'
complete -c nanodose -n '__nanodose_verb calibrate' -l density -x -d 'Of the liquid weighed'
