package exauth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/exauth/exauth/internal/durable"
)

// A Journal keeps the intent of every write on the disk, from before its first byte
// is sent until its fate is known, so that a process which was killed finds after its
// restart what it had in flight. OpenJournal opens one for Options.Journal; several
// clients of one process may share it.
//
//	j, err := exauth.OpenJournal("bot.journal")
//	c, err := exauth.New(venue.Binance(), key, &exauth.Options{Journal: j})
//	for _, e := range j.Pending() {
//		res, err := c.Resolve(ctx, e) // a known outcome ends the entry
//	}
//
// An entry holds venue, environment, account, the key's fingerprint, method and path,
// client order ids, the stamp, when the question can be settled, and the reads that
// Resolve asks it with; never a secret or signature, and nothing else of the call. It
// is synced to the disk before the call is sent; calls side by side share one sync.
// The fate is written without a sync: power that fails at that moment costs one more
// Resolve.
//
// A call that opens risk and cannot be written down is refused with ErrJournal and not
// sent. Cancels wait a quarter of a second at most, and go out all the same.
//
// Requests of Client.Sign are not entered: others send them. A Journal is safe for
// concurrent use. Close it after its clients.
type Journal struct {
	core func() *journal // a closure: reflection prints an address, and races with no writer
}

// journal is what a Journal is made of.
type journal struct {
	path string
	mu   sync.Mutex
	lock *os.File // nil when it is closed
	next uint64
	open map[uint64]*journalEntry
	past []*journalEntry // the last ones that ended, oldest first
	text []byte          // to be written next
	turn *journalTurn    // the writing that text is for, nil when there is nothing to write
	busy chan struct{}   // closed when the writer is done, nil when there is none
	disk journalDisk     // the writer's alone
}

// journalEntry is one attempt of one write.
type journalEntry struct {
	journal *journal
	n       uint64
	line    []byte // as it is in the file
	about   Error  // what Pending says of it
	q       *question
	flying  bool // its attempt is under way in this process
}

// journalTurn is one writing, shared by all who wait for it. err is set before done
// is closed.
type journalTurn struct {
	done chan struct{}
	sync bool
	err  error
}

// maxPast bounds what Recent returns.
const maxPast = 1000

// OpenJournal opens the journal at path, or makes one. One process at a time may have
// it open; the error of a second one matches ErrJournal and says so. The end of a file
// that a crash cut off is dropped, since nothing was sent for it; a damaged line
// elsewhere becomes an entry of its own, which Pending returns and only Settle ends.
// The file is its owner's alone, and path.lock and path.new stand beside it.
func OpenJournal(path string) (*Journal, error) {
	lock, err := durable.Lock(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	j := &journal{path: path, lock: lock, open: make(map[uint64]*journalEntry)}
	if err := j.load(); err != nil {
		durable.Unlock(lock)
		return nil, fmt.Errorf("%w: %s: %w", ErrJournal, path, err)
	}
	return &Journal{func() *journal { return j }}, nil
}

// load reads the file and begins a new one with what is left of it.
func (j *journal) load() error {
	whole := 0
	switch text, err := readJournal(j.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if whole, err = j.parse(text); err != nil {
			return err
		}
	}
	j.disk.path = j.path
	if err := j.disk.replace(j.snapshot()); err == nil || whole == 0 {
		return err
	}
	return j.disk.reopen(int64(whole)) // a full disk: what is in flight can be settled all the same
}

// Pending returns the writes whose fate nobody knows, oldest first: those an earlier
// process had in flight when it ended, and those of this one that ended unknown and
// were not resolved. Each is an *Error for Resolve of a client of the same venue,
// environment and account. Where Options.Account names none, that client must have
// the key the call was made with: another one may be of another account.
//
// A cancel has nothing to resolve: send it again. What cannot be looked up (transfers,
// venues without lookups) stays until Settle is told.
func (of *Journal) Pending() []*Error {
	j := of.core()
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []*Error
	for _, n := range slices.Sorted(maps.Keys(j.open)) {
		if it := j.open[n]; !it.flying {
			list = append(list, it.error())
		}
	}
	return list
}

// Recent returns the last writes that ended with a known fate, up to a thousand,
// oldest first, also of the process before: Outcome says which. A program that was
// killed after an answer came and before it took note of it finds it here. Attempts
// that were surely not sent are left out.
func (of *Journal) Recent() []*Error {
	j := of.core()
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]*Error, len(j.past))
	for i, it := range j.past {
		list[i] = it.error()
	}
	return list
}

// Settle ends the entry of an error that Pending returned, or that a call of this
// process ended with, by the caller's own knowledge: he has asked the venue himself.
func (of *Journal) Settle(e *Error, fate Outcome) error {
	j := of.core()
	if e == nil || e.asked == nil || e.asked().entry == nil || e.asked().entry.journal != j {
		return paramError("", "the error is not of this journal")
	}
	if fate == OutcomeUnknown {
		return paramError("", "an unknown fate settles nothing")
	}
	e.asked().entry.end(fate)
	return nil
}

// Close writes what is left to write and gives the file free. Calls that come later
// fail with ErrJournal, but for cancels. A second Close does nothing.
func (of *Journal) Close() error {
	j := of.core()
	j.mu.Lock()
	lock, busy := j.lock, j.busy
	j.lock = nil
	j.mu.Unlock()
	if lock == nil {
		return nil
	}
	if busy != nil {
		<-busy
	}
	err := j.disk.close()
	if uerr := durable.Unlock(lock); err == nil {
		err = uerr
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// begin enters an intent and waits until it is on the disk.
func (j *journal) begin(ctx context.Context, it *journalEntry, opensRisk bool) error {
	j.mu.Lock()
	if j.lock == nil {
		j.mu.Unlock()
		return fmt.Errorf("%w: it is closed", ErrJournal)
	}
	j.next++
	it.journal, it.n, it.flying = j, j.next, true
	it.line = it.record()
	j.open[it.n] = it
	turn := j.write(it.line, true)
	j.mu.Unlock()
	var patience <-chan time.Time
	if !opensRisk { // a disk that hangs must not hold a cancel
		t := time.NewTimer(diskWait)
		defer t.Stop()
		patience = t.C
	}
	err := errors.New("the disk does not answer")
	select {
	case <-turn.done:
		err = turn.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience:
	}
	if err == nil {
		return nil
	}
	if opensRisk {
		it.end(OutcomeNotSent)
	}
	return fmt.Errorf("%w: %w", ErrJournal, err)
}

// write adds lines to what is written next, and sees to it that somebody writes. The
// journal is locked.
func (j *journal) write(lines []byte, wait bool) *journalTurn {
	if j.turn == nil {
		j.turn = &journalTurn{done: make(chan struct{})}
	}
	j.text = append(j.text, lines...)
	j.turn.sync = j.turn.sync || wait
	if j.busy == nil {
		j.busy = make(chan struct{})
		go j.writer()
	}
	return j.turn
}

// writer writes until there is nothing to write. All that was added while one writing
// ran goes into the next, with one sync for all.
func (j *journal) writer() {
	var text []byte
	for {
		j.mu.Lock()
		turn := j.turn
		if turn == nil {
			close(j.busy)
			j.busy = nil
			j.mu.Unlock()
			return
		}
		j.turn, text, j.text = nil, j.text, text[:0]
		j.mu.Unlock()
		turn.err = j.disk.append(text, turn.sync, j.snapshotNow)
		close(turn.done)
	}
}

// snapshotNow is everything that a new file must hold.
func (j *journal) snapshotNow() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.snapshot()
}

// ended tells that an attempt is over. An unknown fate leaves the entry open.
func (it *journalEntry) ended(fate Outcome) {
	if fate != OutcomeUnknown {
		it.end(fate)
		return
	}
	it.journal.mu.Lock()
	defer it.journal.mu.Unlock()
	it.flying, it.about.Message = false, "ended with an unknown outcome"
}

// end closes an entry. It does not wait for the disk: an entry that is found open is
// asked about once more.
func (it *journalEntry) end(fate Outcome) {
	j := it.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open[it.n] != it {
		return
	}
	delete(j.open, it.n)
	it.flying, it.about.Outcome = false, fate
	if fate != OutcomeNotSent {
		j.remember(it)
	}
	if j.lock != nil || j.busy != nil {
		j.write(fateLine(it.n, fate), false)
	}
}

// reopen takes back that a fate is known: the answer turned out to be unreadable.
func (it *journalEntry) reopen() {
	j := it.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open[it.n] != nil || j.lock == nil {
		return
	}
	j.past = slices.DeleteFunc(j.past, func(o *journalEntry) bool { return o == it })
	j.open[it.n], it.about.Outcome = it, OutcomeUnknown
	j.write(it.line, false)
}

// remember keeps an entry that ended for Recent; the journal is locked.
func (j *journal) remember(it *journalEntry) {
	if len(j.past) >= maxPast {
		j.past = slices.Delete(j.past, 0, len(j.past)-maxPast+1)
	}
	j.past = append(j.past, it)
}

// error is what Pending and Recent return of an entry; the journal is locked.
func (it *journalEntry) error() *Error {
	e := it.about
	e.Items = slices.Clone(e.Items)
	if e.Outcome == OutcomeUnknown {
		e.Kind = ErrOutcomeUnknown
	}
	q := it.q
	e.asked = func() *question { return q }
	return &e
}
