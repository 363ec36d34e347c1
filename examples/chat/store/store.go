// Package store keeps the posts of all rooms in an SQLite database.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite", written in Go
)

// Message is a post in a room.
type Message struct {
	ID      int64 // set by Add; later messages have greater ids
	Room    string
	Sender  string
	Content string
	SentAt  time.Time // kept in UTC, to the millisecond
}

// Store is the history of all rooms. Its methods may run concurrently.
type Store struct{ db *sql.DB }

const schema = `
CREATE TABLE IF NOT EXISTS rooms (
	name       TEXT PRIMARY KEY,
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	room    TEXT NOT NULL REFERENCES rooms (name),
	sender  TEXT NOT NULL,
	content TEXT NOT NULL,
	sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);`

// Open opens the database in file. If the file does not exist, Open creates it, readable by its owner only. The empty name
// is a database in memory, which Close discards.
func Open(ctx context.Context, file string) (*Store, error) {
	if err := create(file); err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	db, err := sql.Open("sqlite", dataSource(file))
	if err != nil {
		return nil, fmt.Errorf("store: open %q: %w", file, err)
	}
	if file == "" {
		db.SetMaxOpenConns(1) // every connection to :memory: would have its own database
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("store: open %q: %w", file, errors.Join(err, db.Close()))
	}
	return &Store{db}, nil
}

// create creates an empty file unless it exists. SQLite accepts it as an empty database, and gives the same permissions to the
// files that it creates beside it.
func create(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dataSource sets a write-ahead log, so that readers and the writer do not wait for each other, and a busy timeout for two
// connections that write at once.
func dataSource(file string) string {
	if file == "" {
		return ":memory:?_pragma=foreign_keys(1)"
	}
	const pragmas = "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)"
	return "file:" + (&url.URL{Path: file}).EscapedPath() + pragmas
}

// Close closes the database.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Add stores m and returns the stored form: with its ID, and the time truncated to milliseconds.
func (s *Store) Add(ctx context.Context, m Message) (Message, error) {
	m.SentAt = m.SentAt.UTC().Truncate(time.Millisecond)
	id, err := s.insert(ctx, m)
	if err != nil {
		return Message{}, fmt.Errorf("store: add message: %w", err)
	}
	m.ID = id
	return m, nil
}

func (s *Store) insert(ctx context.Context, m Message) (id int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	at := m.SentAt.UnixMilli()
	if _, err := tx.ExecContext(ctx, `INSERT INTO rooms VALUES (?, ?) ON CONFLICT DO NOTHING`, m.Room, at); err != nil {
		return 0, err
	}
	row := tx.QueryRowContext(ctx, `INSERT INTO messages (room, sender, content, sent_at) VALUES (?, ?, ?, ?) RETURNING id`,
		m.Room, m.Sender, m.Content, at)
	if err := row.Scan(&id); err != nil {
		return 0, err
	}
	return id, tx.Commit()
}

// Last returns the latest messages of a room, at most n, oldest first.
func (s *Store) Last(ctx context.Context, room string, n int) ([]Message, error) {
	rows, err := s.db.QueryContext(ctx,
		`SELECT id, room, sender, content, sent_at FROM messages WHERE room = ? ORDER BY id DESC LIMIT ?`, room, n)
	if err != nil {
		return nil, fmt.Errorf("store: read messages: %w", err)
	}
	latest, err := collect(rows, scanMessage)
	if err != nil {
		return nil, fmt.Errorf("store: read messages: %w", err)
	}
	slices.Reverse(latest)
	return latest, nil
}

// Rooms returns the names of the rooms with messages, at most n, newest room first.
func (s *Store) Rooms(ctx context.Context, n int) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name FROM rooms ORDER BY created_at DESC, name LIMIT ?`, n)
	if err != nil {
		return nil, fmt.Errorf("store: read rooms: %w", err)
	}
	names, err := collect(rows, scanName)
	if err != nil {
		return nil, fmt.Errorf("store: read rooms: %w", err)
	}
	return names, nil
}

func scanMessage(r *sql.Rows) (Message, error) {
	var m Message
	var at int64
	err := r.Scan(&m.ID, &m.Room, &m.Sender, &m.Content, &at)
	m.SentAt = time.UnixMilli(at).UTC()
	return m, err
}

func scanName(r *sql.Rows) (string, error) {
	var name string
	err := r.Scan(&name)
	return name, err
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer rows.Close() // rows.Err returns its error
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
