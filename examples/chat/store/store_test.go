package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func add(t *testing.T, s *Store, room, content string) Message {
	t.Helper()
	m, err := s.Add(t.Context(), Message{Room: room, Sender: "ann", Content: content, SentAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func contents(ms []Message) []string {
	texts := make([]string, 0, len(ms))
	for _, m := range ms {
		texts = append(texts, m.Content)
	}
	return texts
}

func TestAddReturnsWhatLastReads(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	zone := time.FixedZone("east", 2*60*60)
	added, err := s.Add(t.Context(), Message{
		Room: "lobby", Sender: "Zoë", Content: "it's <b>\x00 'quoted' \"; DROP TABLE messages; --", SentAt: time.Date(2026, 5, 1, 12, 0, 0, 123456789, zone),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 5, 1, 10, 0, 0, 123000000, time.UTC); added.SentAt != want {
		t.Errorf("SentAt = %v, want %v", added.SentAt, want)
	}
	last, err := s.Last(t.Context(), "lobby", 10)
	if err != nil || !slices.Equal(last, []Message{added}) {
		t.Errorf("Last = %+v, %v; want the message added: %+v", last, err, added)
	}
}

func TestLast(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	for i := range 5 {
		add(t, s, "lobby", fmt.Sprint("l", i))
		add(t, s, "go", fmt.Sprint("g", i))
	}
	tests := []struct {
		name, room string
		n          int
		want       []string
	}{
		{"all of a room, oldest first", "lobby", 50, []string{"l0", "l1", "l2", "l3", "l4"}},
		{"the latest ones", "go", 2, []string{"g3", "g4"}},
		{"none asked for", "lobby", 0, nil},
		{"unknown room", "attic", 50, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ms, err := s.Last(t.Context(), tt.room, tt.n)
			if err != nil {
				t.Fatal(err)
			}
			if got := contents(ms); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !slices.IsSortedFunc(ms, func(a, b Message) int { return int(a.ID - b.ID) }) {
				t.Errorf("ids do not rise: %+v", ms)
			}
		})
	}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for i, room := range []string{"old", "new", "old", "newest"} {
		if _, err := s.Add(t.Context(), Message{Room: room, Sender: "ann", Content: "x", SentAt: day.AddDate(0, 0, i)}); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[int][]string{9: {"newest", "new", "old"}, 2: {"newest", "new"}} {
		got, err := s.Rooms(t.Context(), n)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Rooms(%d) = %q, %v; want %q", n, got, err, want)
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a ?b#100%.db") // all characters with a meaning in a URI
	s, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, "lobby", "before")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the database is not where it was asked for: %v", err)
	}
	s = open(t, file)
	add(t, s, "lobby", "after")
	ms, err := s.Last(t.Context(), "lobby", 10)
	if got := contents(ms); err != nil || !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("after reopening: %q, %v", got, err)
	}
	var mode string
	if err := s.db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode = %q, %v; want wal", mode, err)
	}
}

// TestOnlyTheOwnerReadsWhatWasSaid also checks the files that SQLite creates beside the database.
func TestOnlyTheOwnerReadsWhatWasSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "chat.db"))
	add(t, s, "lobby", "for those in the room")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("the folder has %v, %v, want chat.db, chat.db-shm and chat.db-wal", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", f.Name(), info.Mode(), err)
		}
	}
}

func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chat.db")
	for name, file := range map[string]string{"memory": "", "file": file} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, file)
			const writers, each = 8, 10
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for range each {
						if _, err := s.Add(t.Context(), Message{Room: "lobby", Sender: "ann", Content: "x", SentAt: time.Now()}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if ms, err := s.Last(t.Context(), "lobby", 1000); err != nil || len(ms) != writers*each {
				t.Errorf("%d messages, %v; want %d", len(ms), err, writers*each)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "absent", "chat.db")); err == nil {
		t.Error("Open in a folder that does not exist: no error")
	}
	s, err := Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Add(cancelled, Message{Room: "lobby"}); err == nil {
		t.Error("Add with a cancelled context: no error")
	}
	add(t, s, "lobby", "the store still works")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Last(t.Context(), "lobby", 1); err == nil {
		t.Error("Last after Close: no error")
	}
	if _, err := s.Rooms(t.Context(), 1); err == nil {
		t.Error("Rooms after Close: no error")
	}
}

func TestAFullDatabaseKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	pragma := func(text string) {
		t.Helper()
		if _, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = "+text); err != nil {
			t.Fatal(err)
		}
	}
	pragma("20")
	var kept []Message
	for range 100 {
		m, err := s.Add(t.Context(), Message{Room: "lobby", Sender: "ann", Content: strings.Repeat("x", 2000), SentAt: time.Now()})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "store: add message: ") || !strings.Contains(err.Error(), "full") {
				t.Errorf("Add = %v, want that the database is full", err)
			}
			break
		}
		kept = append(kept, m)
	}
	if len(kept) == 0 || len(kept) == 100 {
		t.Fatalf("%d messages fit into 20 pages", len(kept))
	}
	if last, err := s.Last(t.Context(), "lobby", 1000); err != nil || !slices.Equal(last, kept) {
		t.Errorf("%d messages are left, %v; want the %d that were added", len(last), err, len(kept))
	}
	pragma("40")
	add(t, s, "lobby", "there is room again")
}

// TestACallerWhoGivesUpTakesNothingAlong: the single connection to a database in memory must survive a cancelled call.
func TestACallerWhoGivesUpTakesNothingAlong(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	kept := add(t, s, "lobby", "kept")
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM messages`); err != nil {
		t.Fatal(err)
	}
	cancel()
	if last, err := s.Last(t.Context(), "lobby", 10); err != nil || !slices.Equal(last, []Message{kept}) {
		t.Errorf("Last = %+v, %v; want %+v", last, err, kept)
	}
}
