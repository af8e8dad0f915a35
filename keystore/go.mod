module github.com/exauth/exauth/keystore

go 1.26.0

require (
	filippo.io/age v1.3.2
	github.com/exauth/exauth v0.0.0
	github.com/godbus/dbus/v5 v5.2.2
	github.com/zalando/go-keyring v0.2.8
	golang.org/x/crypto v0.55.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	filippo.io/hpke v0.4.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/exauth/exauth => ../
