package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The picture is an XML document, and shows what its title says: the plain bucket is
// refused, exauth is not.
func TestQuota(t *testing.T) {
	out := filepath.Join(t.TempDir(), "quota.svg")
	var report strings.Builder
	if err := run(t, 4*time.Minute, out, &report); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(report.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], " 0 refused") || strings.HasSuffix(lines[1], " 0 refused") {
		t.Errorf("want no refusals of exauth and some of the bucket:\n%s", report.String())
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
