package agefile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/exauth/exauth"
)

func errSSH(path string) error {
	return fmt.Errorf("%w: %s holds no ssh key that age knows; Ed25519 and RSA are", exauth.ErrKey, path)
}

// sshIdentity reads an ssh private key, which may have a passphrase of its own.
func (k *keeper) sshIdentity(path string, text []byte) (age.Identity, error) {
	id, err := agessh.ParseIdentity(text)
	var missing *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return id, nil
	case !errors.As(err, &missing):
		return nil, errSSH(path)
	case missing.PublicKey == nil: // PEM's own encryption says nothing before it is open
		return k.openSSH(path, text)
	}
	s := &sealedSSH{keeper: k, path: path}
	s.id, err = agessh.NewEncryptedSSHIdentity(missing.PublicKey, bytes.Clone(text), s.ask)
	if err != nil {
		return nil, errSSH(path)
	}
	return s, nil
}

// A sealedSSH is an ssh key in OpenSSH's format with a passphrase, which is asked for
// only when the file is sealed for this key.
type sealedSSH struct {
	keeper *keeper
	path   string
	id     *agessh.EncryptedSSHIdentity
	pass   []byte
	asked  bool
}

func (s *sealedSSH) ask() (pass []byte, err error) {
	s.asked = true
	s.pass, err = s.keeper.ask(s.path)
	s.keeper.told = err
	return s.pass, err
}

func (s *sealedSSH) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	key, err := s.id.Unwrap(stanzas)
	clear(s.pass)
	if err != nil && s.asked && s.keeper.told == nil {
		s.keeper.told = fmt.Errorf("%w: it does not open %s", exauth.ErrPassphrase, s.path)
	}
	return key, err
}

// openSSH opens a key with a passphrase at once.
func (k *keeper) openSSH(path string, text []byte) (age.Identity, error) {
	pass, err := k.ask(path)
	if err != nil {
		return nil, err
	}
	defer clear(pass)
	key, err := ssh.ParseRawPrivateKeyWithPassphrase(text, pass)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not open %s", exauth.ErrPassphrase, path)
	}
	switch key := key.(type) {
	case *ed25519.PrivateKey:
		return agessh.NewEd25519Identity(*key)
	case *rsa.PrivateKey:
		return agessh.NewRSAIdentity(key)
	}
	return nil, errSSH(path)
}
