package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/exauth/exauth"
)

func keysCommand() command {
	return command{name: "keys", args: "[-keys FILE] [-usage LOG]", short: "list the keys of a keys file with age and scope, never secrets",
		help: `
A key is named by its fingerprint, which usage logs, warnings and alerts show as
well; the key id itself is not printed. With -usage the log of a program tells when
each key was last used: one that idles for 30 days should be revoked.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			k := e.addKeys(fs, false)
			log := fs.String("usage", "", "usage `log` that tells when keys were last used")
			return func(_ context.Context, args []string) error {
				if len(args) > 0 {
					return usagef("keys takes no arguments")
				}
				return e.listKeys(k, *log)
			}
		}}
}

func (e *env) listKeys(k *keyFlags, log string) error {
	path, err := k.path()
	if err != nil {
		return err
	}
	text, sealed, err := k.read(path)
	if err != nil {
		return err
	}
	defer clear(text)
	_, list, err := entries(text, e.now())
	if err != nil {
		return err
	}
	if log != "" {
		e.lastUsed(list, log)
	}
	return e.print(map[string]any{"file": path, "sealed": sealed, "keys": list}, func(w io.Writer) {
		rows := [][]string{{"NAME", "VENUE", "ACCOUNT", "KIND", "SCOPE", "FINGERPRINT", "AGE", "ROTATE", "EXPIRES", "LAST USED", ""}}
		for _, k := range list {
			age := "-"
			if k.AgeDays != nil {
				age = fmt.Sprintf("%d d", *k.AgeDays)
			}
			where := k.Venue
			if k.Environment != "" && k.Environment != "production" {
				where += ":" + k.Environment
			}
			rows = append(rows, []string{k.label(), where, orDash(k.Account), k.Kind, orDash(k.Scope), k.Fingerprint, age,
				orDash(k.RotateAfter), orDash(k.Expires), orDash(k.LastUsed), k.Advice})
		}
		table(w, rows)
		if len(list) == 0 {
			fmt.Fprintln(w, "no keys")
		}
		if !sealed && len(list) > 0 {
			fmt.Fprintf(w, "\n%s is plain text; exauth seal encrypts it.\n", path)
		}
	})
}

// lastUsed fills in what a usage log knows of the keys.
func (e *env) lastUsed(list []keyEntry, log string) {
	defer e.busy("reading " + log)()
	for rec, err := range exauth.ReadUsageFile(log) {
		if err != nil || rec.Key == "" {
			continue
		}
		for i := range list {
			if list[i].Fingerprint == rec.Key && day(rec.Time) > list[i].LastUsed {
				list[i].LastUsed = day(rec.Time)
			}
		}
	}
	for i := range list {
		if used := parseDay(list[i].LastUsed); !used.IsZero() && e.now().Sub(used).Hours() > 30*24 && list[i].Advice == "" {
			list[i].Advice = "idle: revoke it"
		}
	}
}
