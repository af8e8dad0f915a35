// Package agefile keeps API keys in files sealed by age (filippo.io/age, the format
// of https://age-encryption.org/v1), so that a laptop, a backup or a repository
// holds no secret in plain text:
//
//	keys := agefile.Key("keys.json.age", &agefile.Options{IdentityFiles: []string{"/etc/bot/age.key"}})
//	c, err := exauth.New(venue.Kraken(), keys, nil)
//
// Files open whoever sealed them, with the age command or with Seal: for a
// passphrase (scrypt), for X25519 and for hybrid post-quantum recipients (ML-KEM-768
// with X25519, of age 1.3 and later), and for ssh-ed25519 and ssh-rsa keys; armored
// or binary. What is sealed is the keys file that exauth.FileKey describes, or one
// secret or PEM.
//
// A program that runs unattended wants an identity file that only it can read, on
// another disk than the sealed file or from $CREDENTIALS_DIRECTORY; a person at a
// terminal wants a passphrase.
package agefile
