package vaultkv_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const token = "hvs.FAKEtoken3Mn8Bv6Cx1Zl5Kj9Hg"

// A server answers as Vault's KV version 2 engine does, after its HTTP API
// documentation and the sources of Vault 1.14 and its KV plugin 0.15. It is not Vault:
// TestRealServer asks that.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	secrets  map[string][]version // by mount/path; versions count from 1
	sealed   bool
	asked    int
	last     *http.Request
	answer   func(w http.ResponseWriter, r *http.Request) bool // true: answered
	lease    int
	accepted string // the token
}

type version struct {
	data               map[string]any
	created            time.Time
	deleted, destroyed bool
}

func newServer(t *testing.T, start func(http.Handler) *httptest.Server) *server {
	t.Helper()
	s := &server{secrets: make(map[string][]version), accepted: token}
	s.Server = start(s)
	t.Cleanup(s.Close)
	t.Setenv("VAULT_TOKEN", token)
	t.Setenv("VAULT_ADDR", s.URL)
	t.Setenv("VAULT_NAMESPACE", "")
	t.Setenv("VAULT_CACERT", "")
	return s
}

func plain(t *testing.T) *server { return newServer(t, httptest.NewServer) }

// put writes the next version of a secret.
func (s *server) put(path string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[path] = append(s.secrets[path], version{data: data, created: time.Now()})
}

// object is a keys file as data of its own: vault kv put … @keys.json.
func object(text string) map[string]any {
	var out map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func errs(texts ...string) any { return map[string]any{"errors": append([]string{}, texts...)} }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.last = r
	if s.answer != nil && s.answer(w, r) {
		return
	}
	path, isV1 := strings.CutPrefix(r.URL.Path, "/v1/")
	mount, rest, isData := strings.Cut(path, "/data/")
	switch {
	case !isV1 || r.Method != http.MethodGet:
		reply(w, http.StatusNotFound, errs())
	case s.sealed:
		reply(w, http.StatusServiceUnavailable, errs("Vault is sealed"))
	case r.Header.Get("X-Vault-Request") != "true":
		reply(w, http.StatusPreconditionFailed, errs("missing X-Vault-Request header"))
	case r.Header.Get("X-Vault-Token") != s.accepted:
		reply(w, http.StatusForbidden, errs("permission denied"))
	case !isData || mount != "secret" && mount != "team/kv":
		reply(w, http.StatusNotFound, errs(fmt.Sprintf("no handler for route %q. route entry not found.", path)))
	default:
		s.serveSecret(w, r, mount+"/"+rest)
	}
}

func (s *server) serveSecret(w http.ResponseWriter, r *http.Request, path string) {
	all := s.secrets[path]
	n := len(all)
	if v := r.URL.Query().Get("version"); v != "" {
		n, _ = strconv.Atoi(v)
	}
	if n < 1 || n > len(all) {
		reply(w, http.StatusNotFound, errs())
		return
	}
	v := all[n-1]
	deletion, status := "", http.StatusOK
	data := any(v.data)
	if v.deleted || v.destroyed {
		status, data = http.StatusNotFound, nil
	}
	if v.deleted {
		deletion = v.created.Add(time.Hour).Format(time.RFC3339Nano)
	}
	reply(w, status, map[string]any{
		"request_id": fmt.Sprintf("req-%d", s.asked), "lease_id": "", "renewable": false, "lease_duration": s.lease,
		"data": map[string]any{"data": data, "metadata": map[string]any{"created_time": v.created.UTC().Format(time.RFC3339Nano),
			"custom_metadata": nil, "deletion_time": deletion, "destroyed": v.destroyed, "version": n}},
		"wrap_info": nil, "warnings": nil, "auth": nil})
}
