module github.com/exauth/exauth

go 1.26.0

require github.com/google/go-querystring v1.2.0
