module github.com/exauth/exauth/redislimit

go 1.26.0

require (
	github.com/alicebob/miniredis/v2 v2.40.0
	github.com/exauth/exauth v0.0.0
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/exauth/exauth => ../
