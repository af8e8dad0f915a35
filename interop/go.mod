module github.com/exauth/exauth/interop

go 1.26.4

require (
	github.com/ThalesGroup/crypto11 v1.5.0
	github.com/adshao/go-binance/v2 v2.8.7
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	github.com/exauth/exauth v0.0.0
	github.com/failsafe-go/failsafe-go v0.9.8
	go.uber.org/ratelimit v0.3.1
	golang.org/x/time v0.16.0
)

require (
	github.com/benbjohnson/clock v1.3.0 // indirect
	github.com/bitly/go-simplejson v0.5.0 // indirect
	github.com/bits-and-blooms/bitset v1.24.4 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/jpillora/backoff v1.0.0 // indirect
	github.com/kr/text v0.2.0 // indirect
	github.com/miekg/pkcs11 v1.1.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/shopspring/decimal v1.4.0 // indirect
	github.com/stretchr/objx v0.5.2 // indirect
	github.com/thales-e-security/pool v0.0.2 // indirect
)

replace github.com/exauth/exauth => ../
