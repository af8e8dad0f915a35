package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/exauth/exauth"
	"github.com/exauth/exauth/venue"
)

func revokeCommand() command {
	return command{name: "revoke", args: "-keys FILE FINGERPRINT|NAME", short: "take a key out of a keys file, and say what to do at the venue",
		help: `
Programs that read the keys file stop using the key at their next call. That does not
make the key invalid: whoever has it can still use it until it is deleted at the venue,
so do that first when it may be in other hands. The checklist says where.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			k := e.addKeys(fs, false)
			s := &sealFlags{pass: passphrases{e: e}}
			fs.Var(&s.recipients, "recipient", "seal the rest again for this age or ssh public `key`; may be repeated")
			dry := fs.Bool("dry-run", false, "print the checklist and change nothing")
			return func(_ context.Context, args []string) error {
				if len(args) != 1 {
					return usagef("revoke takes one fingerprint or name; exauth keys lists them")
				}
				return e.revoke(k, s, args[0], *dry)
			}
		}}
}

func (e *env) revoke(k *keyFlags, s *sealFlags, which string, dry bool) error {
	path, err := k.path()
	if err != nil {
		return err
	}
	text, sealed, err := k.read(path)
	if err != nil {
		return err
	}
	defer clear(text)
	f, list, err := entries(text, e.now())
	if err != nil {
		return err
	}
	var hits []int
	for i, one := range list {
		if one.Fingerprint == which || one.Name != "" && one.Name == which {
			hits = append(hits, i)
		}
	}
	switch {
	case len(hits) == 0:
		return fmt.Errorf("%w: %s holds no key %q", exauth.ErrNoKey, path, shown(which))
	case len(hits) > 1:
		return fmt.Errorf("%w: %d keys in %s are called that; use the name", exauth.ErrKey, len(hits), path)
	}
	one := list[hits[0]]
	if !dry {
		f.Keys = slices.Delete(f.Keys, hits[0], hits[0]+1)
		if err := e.writeKeys(k, s, path, f, sealed); err != nil {
			return err
		}
	}
	steps := checklist(one)
	return e.print(map[string]any{"file": path, "fingerprint": one.Fingerprint, "name": one.Name, "venue": one.Venue, "removed": !dry, "todo": steps}, func(w io.Writer) {
		if dry {
			fmt.Fprintf(w, "%s (%s) would be taken out of %s\n", one.label(), one.Fingerprint, path)
		} else {
			fmt.Fprintf(w, "%s (%s) is out of %s\n", one.label(), one.Fingerprint, path)
		}
		fmt.Fprintln(w, "\nNow, at the venue:")
		for i, step := range steps {
			fmt.Fprintf(w, "  %d. %s\n", i+1, step)
		}
	})
}

// checklist is what only a person can do.
func checklist(k keyEntry) []string {
	page := "the venue's page of API keys"
	if v, ok := venue.ByName(k.Venue); ok && v.KeyPage != "" {
		page = v.KeyPage
	}
	steps := []string{
		"delete the key at " + page + ": until then whoever has it can use it",
		"look at open orders, and cancel those that nobody watches any more",
		"look at the history of orders, transfers and withdrawals since the key may have been known",
	}
	scope, _ := exauth.ParseScope(k.Scope)
	if k.Scope == "" || scope&(exauth.ScopeWithdraw|exauth.ScopeAccount) != 0 {
		steps = append(steps, "the key may have been allowed to withdraw or to change the account: look at withdrawal addresses, sub-accounts and further keys")
	}
	if k.pemFile != "" {
		steps = append(steps, "remove "+k.pemFile+", and the public key at the venue")
	}
	return append(steps, "restart programs that took the key from elsewhere: the environment, a secret store, a backup",
		"make the next one narrower: one job, a list of addresses, no withdrawals")
}
