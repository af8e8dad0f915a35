package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/exauth/exauth/venue"
)

func venuesCommand() command {
	return command{name: "venues", args: "[NAME]", short: "list the venues exauth knows, or what one wants of a key",
		help: `
Names are those of -venue: a colon and an environment name a venue's test system. What
is listed is what exauth was built with; nothing is asked of the network.`,
		run: func(e *env, fs *flag.FlagSet) func(context.Context, []string) error {
			return func(_ context.Context, args []string) error {
				if len(args) > 1 {
					return usagef("venues takes one name at most")
				}
				return e.listVenues(args)
			}
		}}
}

// A venueInfo is what a person needs to know of a venue before making a key.
type venueInfo struct {
	Name       string   `json:"name"`
	URL        string   `json:"url"`
	Algorithms []string `json:"algorithms"` // none: the key itself is sent, or hashed with what is sent
	Passphrase bool     `json:"passphrase"`
	Fields     []string `json:"fields,omitempty"`
	Bearer     bool     `json:"bearer,omitempty"`
	Routes     int      `json:"routes"`
	Quotas     int      `json:"quotas"`
	Probe      string   `json:"probe,omitempty"`
	KeyPage    string   `json:"key_page,omitempty"`
	Docs       string   `json:"docs"`
}

func describe(name string) venueInfo {
	v, _ := venue.ByName(name)
	i := venueInfo{Name: name, URL: v.BaseURL, Algorithms: []string{}, Passphrase: v.Passphrase, Fields: v.KeyFields, Bearer: v.Bearer,
		Routes: len(v.Routes), Quotas: len(v.Quotas), KeyPage: v.KeyPage, Docs: v.Docs}
	for _, a := range v.Algorithms {
		i.Algorithms = append(i.Algorithms, a.String())
	}
	if v.Probe.Path != "" {
		i.Probe = v.Probe.Method + " " + v.Probe.Path
	}
	return i
}

func (e *env) listVenues(args []string) error {
	var list []venueInfo
	for _, name := range venue.Names() {
		if len(args) == 0 || args[0] == name {
			list = append(list, describe(name))
		}
	}
	if len(list) == 0 {
		return usagef("no venue %q; exauth venues lists them", shown(args[0]))
	}
	return e.print(list, func(w io.Writer) {
		if len(args) == 1 {
			i := list[0]
			table(w, [][]string{{"name", i.Name}, {"origin", i.URL}, {"signs with", wants(i)}, {"key also has", also(i)},
				{"check call", orDash(i.Probe)}, {"keys are made at", orDash(i.KeyPage)}, {"documentation", i.Docs},
				{"listed", fmt.Sprintf("%d routes, %d quotas", i.Routes, i.Quotas)}})
			return
		}
		rows := [][]string{{"NAME", "SIGNS WITH", "KEY ALSO HAS", "KEYS ARE MADE AT"}}
		for _, i := range list {
			rows = append(rows, []string{i.Name, wants(i), also(i), orDash(i.KeyPage)})
		}
		table(w, rows)
	})
}

func wants(i venueInfo) string {
	switch {
	case i.Name == "coinex":
		return "a hash with the secret"
	case len(i.Algorithms) == 0:
		return "the key itself"
	}
	return strings.Join(i.Algorithms, ", ")
}

func also(i venueInfo) string {
	var list []string
	if i.Passphrase {
		list = append(list, "passphrase")
	}
	list = append(list, i.Fields...)
	return orDash(strings.Join(list, ", "))
}
