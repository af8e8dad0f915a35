// Command exauth makes, keeps, checks and uses API keys of crypto exchanges from a
// terminal. "exauth help" lists its commands, "exauth COMMAND -h" explains one.
//
// No secret is ever taken from the command line, where every program of the machine
// can read it: secrets come from files, the environment, standard input or a prompt.
// None is ever printed unless that is what a command is for (unseal, sign -reveal).
//
// # Where keys come from
//
// -keys FILE names a keys file as exauth.FileKey describes it, plain or sealed by
// age; without it $EXAUTH_KEYS does. -env PREFIX reads one key from PREFIX_API_KEY,
// PREFIX_API_SECRET and so on instead; see exauth.EnvKey.
//
// A passphrase comes from -passphrase-file FILE, else from $EXAUTH_PASSPHRASE, else
// from a prompt on the terminal, whatever standard input is.
//
// # Output
//
// Results go to standard output, questions and progress to standard error. With -json
// a result is one JSON value, and so is an error, {"error":…,"kind":…}, on standard
// error. What takes longer than a second says so.
//
// # Exit codes
//
//	0  done
//	1  failed: a file, the network, or the venue's no
//	2  wrong use: unknown command, flag or argument
//	3  done, and something was found that needs a person (scan, doctor)
//	4  a passphrase is wrong, or there is nobody to ask for it
//	5  refused here, before anything was sent: scope, parameters, limits
//	6  unknown: the venue may have carried the call out; ask it before trying again
//	130  interrupted at a prompt
package main
