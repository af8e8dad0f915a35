package exauth

import (
	"errors"
	"net/url"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/exauth/exauth/internal/mask"
)

// veil makes an error of other people's code safe to show: key sources, token and
// nonce sources, signers, policies, limiters, a Venue's functions. Its text loses
// hide, the queries of URLs and what looks like a key; the error itself is out of
// sight of reflection and of Unwrap, but errors.Is and errors.As still ask it.
func veil(err error, hide ...string) error {
	switch err.(type) {
	case nil, *Error, *veiled:
		return err
	}
	return &veiled{mask.Foreign(err.Error(), hide...), func() error { return err }}
}

type veiled struct {
	text  string
	cause func() error // a closure: reflection prints an address, not what it captures
}

func (v *veiled) Error() string { return v.text }

// Is lets errors.Is see the cause.
func (v *veiled) Is(target error) bool { return errors.Is(v.cause(), target) }

// As lets errors.As find what is asked for by its type, but never a *url.Error, whose
// URL may hold a query.
func (v *veiled) As(target any) bool {
	out := reflect.ValueOf(target).Elem()
	return findAs(v.cause(), target, out)
}

// findAs is errors.As without *url.Error. Where an interface is asked for, what
// wraps other errors does not count: it would hand them on.
func findAs(err error, target any, out reflect.Value) bool {
	if err == nil {
		return false
	}
	one, _ := err.(interface{ Unwrap() error })
	many, _ := err.(interface{ Unwrap() []error })
	if _, isURL := err.(*url.Error); !isURL {
		leaf := one == nil && many == nil
		if (leaf || out.Kind() != reflect.Interface) && reflect.TypeOf(err).AssignableTo(out.Type()) {
			out.Set(reflect.ValueOf(err))
			return true
		}
		if x, ok := err.(interface{ As(any) bool }); ok && x.As(target) {
			return true
		}
	}
	if one != nil {
		return findAs(one.Unwrap(), target, out)
	}
	if many != nil {
		for _, e := range many.Unwrap() {
			if findAs(e, target, out) {
				return true
			}
		}
	}
	return false
}

// hidden lists what of a key must show in no text.
func (i *keyInfo) hidden() []string {
	b := i.box
	b.mu.RLock()
	defer b.mu.RUnlock()
	hide := []string{i.passphrase, b.secretText()}
	hide = append(hide, i.egress.hidden()...)
	if !i.bearer { // the id of a bearer key is a word, and no secret
		hide = append(hide, i.id)
	}
	return hide
}

// secretText returns the secret as a string for masks; b.mu is held. It is made once
// for a key, since one for every error would leave as many behind (K11). Others may
// still read it when the key is closed, so that nobody but the collector can wipe it.
func (b *keyBox) secretText() string {
	if text := b.words.Load(); text != nil || len(b.secret) == 0 {
		return deref(text)
	}
	size := len(b.secret) + 16 // smaller blocks hold several values, and have no finalizer of their own
	block := make([]byte, size)
	text := unsafe.String(&block[0], copy(block, b.secret))
	runtime.SetFinalizer(&block[0], func(first *byte) { clear(unsafe.Slice(first, size)) })
	b.words.CompareAndSwap(nil, &text)
	return deref(b.words.Load())
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
