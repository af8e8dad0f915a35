package exauth

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzKeysFile: the keys file's own splitter never panics, reads what encoding/json
// reads, and quotes no value.
func FuzzKeysFile(f *testing.F) {
	for _, s := range []string{
		`{"version":1,"keys":[{"venue":"okx","id":"i","secret":"FAKE\u0053ecret\/\n","passphrase":"p q","fields":{"uid":"1"},"scope":"read","ips":["203.0.113.7"],"created":"2026-11-23"}]}`,
		`{"version":1,"keys":[{"venue":"a","id":"\ud83d\ude00","private_key_file":"x.pem"},{"venue":"a","id":"\ud83d"}]}`,
		`{ "version" : 1 , "keys" : [ { "venue" : "a" , "id" : "}],{" } ] }`,
		`{"version":1,"keys":[{"venue":"a","id":"\"\\","secret":"\\\""}]}`,
		`{"version":1,"keys":[]}`, `{"version":1,"keys":[{}]}`, `{"version":1.0}`, `{}`, `[]`, `""`, `{"version":1,"keys":[null]}`,
		`{"version":1,"keys":[{"venue":"a","id":"x","fields":{"a":"b","a":"c"}}]}`, `{"\u0076ersion":1,"keys":[]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		entries, err := parseKeyFile(text)
		if !bytes.Equal(text, given) {
			t.Fatal("the text was changed")
		}
		var file struct {
			Version json.Number
			Keys    []struct {
				Venue, Environment, Account, ID, Secret, Passphrase string
				File                                                string `json:"private_key_file"`
				Fields                                              map[string]string
			}
		}
		plain := json.Unmarshal(text, &file)
		if err != nil {
			for _, k := range file.Keys {
				if s := k.Secret; len(s) > 12 && strings.Contains(err.Error(), s) {
					t.Errorf("%q quotes a secret", err)
				}
			}
			return
		}
		if plain != nil || len(file.Keys) != len(entries) {
			t.Fatalf("read %d entries; encoding/json %d, %v", len(entries), len(file.Keys), plain)
		}
		for i, e := range entries {
			want, got := file.Keys[i], e.key.info()
			if got.id != strings.TrimSuffix(strings.TrimSuffix(want.ID, "\n"), "\r") || got.passphrase != want.Passphrase ||
				e.label.Venue != want.Venue || e.label.Account != want.Account || e.file != want.File || len(got.fields) != len(want.Fields) {
				t.Errorf("entry %d differs from encoding/json's", i)
			}
			secret := strings.TrimSuffix(strings.TrimSuffix(want.Secret, "\n"), "\r")
			if got.box.private == nil && string(got.box.secret) != secret {
				t.Errorf("entry %d: secret %q, encoding/json has %q", i, got.box.secret, secret)
			}
			for name, v := range want.Fields {
				if got.fields[name] != v {
					t.Errorf("entry %d: field %q is %q, want %q", i, name, got.fields[name], v)
				}
			}
		}
	})
}
