module github.com/exauth/exauth/cmd/exauth

go 1.26.0

require (
	github.com/creack/pty v1.1.24 // tests only
	github.com/exauth/exauth v0.0.0
	github.com/exauth/exauth/keystore v0.0.0
	golang.org/x/term v0.47.0
)

require (
	filippo.io/age v1.3.2 // indirect
	filippo.io/edwards25519 v1.2.0 // indirect
	filippo.io/hpke v0.4.0 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
