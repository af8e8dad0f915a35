//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package oskeyring

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Names of the Secret Service API, https://specifications.freedesktop.org/secret-service/0.2.
const (
	busName      = "org.freedesktop.secrets"
	servicePath  = dbus.ObjectPath("/org/freedesktop/secrets")
	serviceName  = "org.freedesktop.Secret.Service"
	collection   = "org.freedesktop.Secret.Collection"
	defaultAlias = dbus.ObjectPath("/org/freedesktop/secrets/aliases/default")
	loginPath    = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
)

// ready looks whether the Secret Service can be asked, before the library asks it:
// the library would start a D-Bus daemon of its own that stays behind, wait for a
// prompt without end, and call all of that by the same error.
func ready(ctx context.Context, prompt bool) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("%w: no D-Bus session (DBUS_SESSION_BUS_ADDRESS is not set); "+
			"run the program in a desktop session or under dbus-run-session", ErrUnavailable)
	}
	defer conn.Close()
	if err := errors.Join(conn.Auth(nil), conn.Hello()); err != nil {
		return fmt.Errorf("%w: the D-Bus session at DBUS_SESSION_BUS_ADDRESS does not answer", ErrUnavailable)
	}
	var all []dbus.ObjectPath
	if err := property(ctx, conn, servicePath, serviceName, "Collections", &all); err != nil {
		return fmt.Errorf("%w: no Secret Service in this D-Bus session; start gnome-keyring or KeePassXC", ErrUnavailable)
	}
	path := defaultAlias // as go-keyring chooses
	if slices.Contains(all, loginPath) {
		path = loginPath
	}
	var locked bool
	if err := property(ctx, conn, path, collection, "Locked", &locked); err != nil {
		return fmt.Errorf("%w: the Secret Service has no default keyring; make or open one in its own program", ErrUnavailable)
	}
	if locked && !prompt {
		return fmt.Errorf("%w; %s", ErrLocked, howToUnlock)
	}
	return nil
}

// property reads one property of the Secret Service.
func property(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, iface, name string, into any) error {
	var v dbus.Variant
	call := conn.Object(busName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name)
	if err := call.Store(&v); err != nil {
		return err
	}
	return v.Store(into)
}
