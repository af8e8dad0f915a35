package exauth_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/exauth/exauth"

// TestImports holds the rooms apart: who may import whom is part of the design.
func TestImports(t *testing.T) {
	rules := []struct {
		name, packages string
		allowed        []string // prefixes, besides the standard library
	}{
		{"internal imports the standard library", "./internal/...", []string{module + "/internal/"}},
		{"root imports internal and go-querystring", ".", []string{module + "/internal/", "github.com/google/go-querystring/"}},
		{"venue imports root and internal", "./venue/...", []string{module, "github.com/google/go-querystring/"}},
		{"exchangetest imports root and internal", "./exchangetest/...", []string{module, "github.com/google/go-querystring/"}},
		{"examples import the library alone", "./examples/...", []string{module, "github.com/google/go-querystring/"}},
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, line := range goList(t, r.packages) {
				pkg, imports, _ := strings.Cut(line, " ")
				for imp := range strings.FieldsSeq(strings.Trim(imports, "[]")) {
					if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") || hasPrefix(imp, r.allowed) {
						continue
					}
					t.Errorf("%s imports %s", pkg, imp)
				}
				if pkg == module || strings.HasPrefix(pkg, module+"/exchangetest") {
					for imp := range strings.FieldsSeq(strings.Trim(imports, "[]")) {
						if imp == module+"/venue" {
							t.Errorf("%s imports venue; a venue is passed in", pkg)
						}
					}
				}
			}
		})
	}
}

func goList(t *testing.T, packages string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", packages).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", packages, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if s == strings.TrimSuffix(p, "/") || strings.HasPrefix(s, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}
