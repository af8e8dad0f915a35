//go:build !race

package exauth_test

const raceEnabled = false
