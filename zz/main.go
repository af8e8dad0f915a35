package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

// usage: zz venue prefix < list "SECTION METHOD path"
func main() {
	v, _ := venue.ByName(os.Args[1])
	key := exauth.NewSecretKey("account-fakeid", "fakefakefakefakefake").WithPassphrase("p")
	sc := []exauth.Scope{exauth.ScopeRead, exauth.ScopeTradeSpot, exauth.ScopeTradeMargin, exauth.ScopeTradeDerivatives, exauth.ScopeTransfer, exauth.ScopeWithdraw, exauth.ScopeAccount}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		w := strings.Fields(in.Text())
		if len(w) < 3 {
			continue
		}
		path := w[2]
		p := exauth.Params{}
		for _, pre := range os.Args[2:] {
			sec, rep, _ := strings.Cut(pre, "=")
			if strings.HasPrefix(w[0], sec) {
				path = rep + path
			}
		}
		for strings.Contains(path, "{") {
			i, j := strings.Index(path, "{"), strings.Index(path, "}")
			path = path[:i] + "btc" + path[j+1:]
		}
		need := ""
		// probe: which single scope is missing from all?
		for _, s := range sc {
			all := exauth.ScopeRead | exauth.ScopeTrade | exauth.ScopeTransfer | exauth.ScopeWithdraw | exauth.ScopeAccount
			c, err := exauth.New(v, key, &exauth.Options{Scope: all &^ s})
			if err != nil {
				panic(err)
			}
			req, err := c.Sign(nil2(), exauth.Call{Method: w[1], Path: path, Params: p})
			if err != nil {
				if strings.Contains(err.Error(), "outside the scope") {
					need += s.String() + "+"
					if strings.Contains(err.Error(), "not in the venue's route table") {
						need += "UNLISTED+"
					}
				} else {
					need += err.Error()
				}
			} else if req.Header.Get("Content-Type") == "x" {
				need += ""
			}
		}
		if need == "" {
			need = "public"
		}
		fmt.Println(strings.TrimSuffix(need, "+"), w[0], w[1], path)
	}
}
