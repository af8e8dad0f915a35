package exauth

import (
	"context"
	"crypto"
	"os"
	"path/filepath"
)

// PublicKeyOf returns the public half of a private key, after one signature made
// with it was verified; nil when there is none.
func PublicKeyOf(k *Key) crypto.PublicKey {
	key := k.info().box.private
	if key == nil {
		return nil
	}
	for alg := RSASHA256; alg <= ES384; alg++ {
		s, err := NewSigner(alg, key)
		if err != nil {
			continue
		}
		v, err := NewVerifier(alg, key.Public())
		if err != nil {
			return nil
		}
		sig, err := s.Sign(context.Background(), nil, []byte("test"))
		if err != nil || v.Verify([]byte("test"), sig) != nil {
			return nil
		}
	}
	return key.Public()
}

// FillDisk makes a journal's disk full from now on, or mends it: what it writes goes
// to a device that has no room, or into a file opened for reading where there is no
// such device, and no new file can be made.
func (of *Journal) FillDisk(full bool) error {
	j := of.core()
	for { // when nobody writes
		j.mu.Lock()
		if j.busy == nil {
			break
		}
		busy := j.busy
		j.mu.Unlock()
		<-busy
	}
	defer j.mu.Unlock()
	j.disk.path = j.path
	if !full {
		return j.disk.reopen(j.disk.size)
	}
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		f, err = os.Open(j.path)
	}
	if err != nil {
		return err
	}
	j.disk.file.Close()
	j.disk.file, j.disk.path = f, filepath.Join(j.path, "no", "room")
	return nil
}

// Checksum is what a journal's line begins with.
func Checksum(text []byte) string { return checksum(text) }

// ParseJournal reads a journal's text without a file, and returns what OpenJournal
// would begin a new file with.
func ParseJournal(text []byte) (pending, recent []*Error, snapshot []byte, err error) {
	j := &journal{open: make(map[uint64]*journalEntry)}
	if _, err := j.parse(text); err != nil {
		return nil, nil, nil, err
	}
	of := &Journal{func() *journal { return j }}
	return of.Pending(), of.Recent(), j.snapshot(), nil
}
