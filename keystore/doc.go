// Package keystore is the home of the stores that need more than the standard library,
// each an exauth.KeySource in a package of its own:
//
//   - agefile: files sealed by age, opened by a passphrase or an identity
//   - oskeyring: the keyring of macOS, Windows or a Linux desktop
//   - vaultkv: HashiCorp Vault and OpenBao
//
// In all of them an absent key matches exauth.ErrNoKey, so that exauth.FirstKey asks
// the next source, and everything else is final: a wrong passphrase, a locked
// keyring, a sealed server never look as if there were no key.
//
// # Password managers
//
// Whatever prints a secret on its standard output is a source too, with
// exauth.TextKey and a function that runs it; see the example. The secret comes out
// of a pipe: it never stands in the arguments of a command, which every user of the
// machine can list, nor in the environment. What asks for a password does it on the
// terminal or in a window of its own.
//
//	pass           pass show exchange/keys
//	gopass         gopass show --noparsing exchange/keys
//	1Password      op read op://Trading/exchange-keys/notesPlain
//	Bitwarden      bw get notes exchange-keys        (after bw unlock)
//	rbw            rbw get --field notes exchange-keys
//	KeePassXC      keepassxc-cli show -q -a Notes --no-password -k FILE.keyx FILE.kdbx exchange-keys
//	secret-tool    secret-tool lookup service exauth username kraken
//	macOS          security find-generic-password -s exauth -a kraken -w
//	systemd        systemd-creds decrypt FILE -
//	SOPS           sops decrypt keys.sops.json
//
// (Only pass and secret-tool were run; try the others before you rely on them.) Where an entry
// is one secret and not a keys file, exauth.TextOptions.Parse makes the key of it. A
// TTL of some minutes keeps the manager from being asked at every call.
package keystore
