# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_janus_rs_global_optspecs
    string join \n C/config= F/configs-folder= N/disable-stdout log-stdout H/cwd-path= S/stun-server= libnice-debug lenient P/plugins-folder= L/log-file= R/log-rotate-sig= d/debug-level= D/debug-timestamps o/disable-colors M/debug-locks b/daemon p/pid-file= l/check-openfiles-limits= a/apisecret= A/token-auth token-auth-secret= i/interface= n/server-name= s/session-timeout= m/reclaim-session-timeout= w/no-webrtc-encryption c/cert-pem= k/cert-key= K/cert-pwd= 6/ipv6-candidates O/ipv6-link-local Q/min-nack-queue= r/rtp-port-range= t/no-media-timer= W/slowlink-threshold= B/twcc-period= f/full-trickle I/ice-lite T/ice-tcp 1/nat-1-1= 2/keep-private-host E/ice-enforce-list= X/ice-ignore-list= e/event-handlers V/version h/help
end

function __fish_janus_rs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_janus_rs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_janus_rs_using_subcommand
    set -l cmd (__fish_janus_rs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c janus-rs -n "__fish_janus_rs_needs_command" -s C -l config -d 'Main configuration file' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s F -l configs-folder -d 'Where the configuration of the server and of the modules is' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s H -l cwd-path -d 'Working directory in the background (default /)' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s S -l stun-server -d 'STUN server, host[:port]' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s P -l plugins-folder -d 'Where plugins are' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s L -l log-file -d 'Append the log to this file' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s R -l log-rotate-sig -d 'Open the log anew on SIGUSR1 or SIGHUP' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s d -l debug-level -d '0 (nothing) to 7 (everything)' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s p -l pid-file -d 'Write the process id to this file' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s l -l check-openfiles-limits -d 'Stop when the limit of open files is below this' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s a -l apisecret -d 'Secret that requests must carry' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -l token-auth-secret -d 'Tokens are signed with this' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s i -l interface -d 'Address or device for the SDP' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s n -l server-name -d 'Name of this server' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s s -l session-timeout -d 'Idle sessions end after this; 0 = never' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s m -l reclaim-session-timeout -d 'How long a session whose transport is gone can be claimed' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s c -l cert-pem -d 'DTLS certificate (PEM); without it, one is made at every start' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s k -l cert-key -d 'DTLS private key (PEM); without it, in the certificate\'s file' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s K -l cert-pwd -d 'Password of the private key' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s Q -l min-nack-queue -d 'Retransmission buffer, at most 1000' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s r -l rtp-port-range -d 'UDP ports, min-max' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s t -l no-media-timer -d 'Without media for this long, there is an event; 0 = never' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s W -l slowlink-threshold -d 'From this loss on, plugins hear of a slow link; 0 = never' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s B -l twcc-period -d 'Transport-wide feedback every' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s 1 -l nat-1-1 -d 'Public addresses of this host' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s E -l ice-enforce-list -d 'Only these interfaces or addresses, by prefix' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s X -l ice-ignore-list -d 'Not these interfaces or addresses' -r
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s N -l disable-stdout -d 'Do not log to stdout'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -l log-stdout -d 'Log to stdout, whatever the file says, also in the background'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -l libnice-debug -d 'No effect: libnice is not used; also -l without a number'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -l lenient -d 'Start with an empty configuration where janus.jcfg cannot be read'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s D -l debug-timestamps -d 'Dates in the log'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s o -l disable-colors -d 'Not: Colours in the log'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s M -l debug-locks -d 'Modules log their locks'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s b -l daemon -d 'Run in the background'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s A -l token-auth -d 'Requests must carry a token'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s w -l no-webrtc-encryption -d 'Debugging only: media in the clear'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s 6 -l ipv6-candidates -d 'IPv6 candidates too'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s O -l ipv6-link-local -d 'With ipv6: link-local ones, too'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s f -l full-trickle -d 'Trickle our own candidates'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s I -l ice-lite -d 'ICE lite'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s T -l ice-tcp -d 'ICE over TCP'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s 2 -l keep-private-host -d 'With nat_1_1_mapping: advertise the private address too'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s e -l event-handlers -d 'Use event handlers'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s V -l version -d 'Print version'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -s h -l help -d 'Print help'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -a "check" -d 'Would these modules load? Without files: does this installation work?'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -a "report" -d 'A text for a bug report'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -a "drain" -d 'Take no new sessions'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -a "switch" -d 'From Janus to janus-rs and back'
complete -c janus-rs -n "__fish_janus_rs_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -s F -l configs-folder -d 'Where the configuration is' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -s p -l prefix -d 'An installation from source: PREFIX/etc/janus, PREFIX/lib/janus' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -l unit -d 'The systemd unit whose ExecStart says it; without any of the three janus.service, if there is one' -r
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -l abi-generations -d 'With files: what plugins were compiled for, as plugins.abi_generations in janus.jcfg: FILE=B3 or FILE=1.1.2' -r
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -l json -d 'One JSON object per finding'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand report" -s F -l configs-folder -d 'Where the configuration is' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand report" -s p -l prefix -d 'An installation from source: PREFIX/etc/janus, PREFIX/lib/janus' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand report" -l unit -d 'The systemd unit whose ExecStart says it; without any of the three janus.service, if there is one' -r
complete -c janus-rs -n "__fish_janus_rs_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand drain" -s F -l configs-folder -d 'Where the configuration is' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand drain" -s p -l prefix -d 'An installation from source: PREFIX/etc/janus, PREFIX/lib/janus' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand drain" -l unit -d 'The systemd unit whose ExecStart says it; without any of the three janus.service, if there is one' -r
complete -c janus-rs -n "__fish_janus_rs_using_subcommand drain" -l wait -d 'Return when there is no PeerConnection any more'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand switch" -s F -l configs-folder -d 'Where the configuration is' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand switch" -s p -l prefix -d 'An installation from source: PREFIX/etc/janus, PREFIX/lib/janus' -r -F
complete -c janus-rs -n "__fish_janus_rs_using_subcommand switch" -l unit -d 'The systemd unit whose ExecStart says it; without any of the three janus.service, if there is one' -r
complete -c janus-rs -n "__fish_janus_rs_using_subcommand switch" -l dry-run -d 'Only show what would be done'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand switch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand help; and not __fish_seen_subcommand_from check report drain switch help" -f -a "check" -d 'Would these modules load? Without files: does this installation work?'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand help; and not __fish_seen_subcommand_from check report drain switch help" -f -a "report" -d 'A text for a bug report'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand help; and not __fish_seen_subcommand_from check report drain switch help" -f -a "drain" -d 'Take no new sessions'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand help; and not __fish_seen_subcommand_from check report drain switch help" -f -a "switch" -d 'From Janus to janus-rs and back'
complete -c janus-rs -n "__fish_janus_rs_using_subcommand help; and not __fish_seen_subcommand_from check report drain switch help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
