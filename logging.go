package chanx

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/chanx-go/chanx/internal/throttle"
)

// Clients, other nodes and handlers in a loop can cause any event again and again. So all lines above level debug go
// through Server.lines, which writes one line of each kind a minute, with the number of occurrences. Only LogMessages,
// which asks for a line for each message, does not.

// logError logs an error of a handler, or any other error of one consumer. The throttle distinguishes errors of
// different Go types, and the first few texts of each type within a minute.
func (c *Conn) logError(level slog.Level, text, detail string, err error, attrs ...any) {
	s := c.mount.srv
	attrs = append(slices.Clip(attrs), errorAttrs(err)...)
	if level == slog.LevelDebug {
		c.debug(text, attrs...)
		return
	}
	kind := s.lines.Variant(throttle.Kind{Text: text, Detail: c.mount.pattern + " " + detail + throttle.Types(err)}, err.Error())
	s.lines.Log(c.ctx, level, kind, 1, c.logAttrs(attrs)...)
}

// logThrottled logs any other line. detail distinguishes kinds of lines with the same text; it must not contain what a
// client or another node has sent. With Conn.logAttrs the line names a connection.
func (s *Server) logThrottled(level slog.Level, text, detail string, attrs ...any) {
	s.lines.Log(context.Background(), level, throttle.Kind{Text: text, Detail: detail}, 1, attrs...)
}

// dropped counts and logs what a connection lost. The warning does not name the connection, because many connections
// may lose something at once; a line at level debug does.
func (s *Server) dropped(c *Conn, why DropReason, n int) {
	s.countDrop(c, why, n)
	s.logDrop(why, n)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: dropped", "what", string(why), "count", n)
	}
}

// skipped counts a message or event that the connection's consumer does not declare. That is normal in a cluster of
// several releases, so it is not logged as a warning.
func (s *Server) skipped(c *Conn, why DropReason) {
	s.countDrop(c, why, 1)
	if s.logger.Enabled(c.ctx, slog.LevelDebug) {
		c.debug("chanx: skipped", "what", string(why))
	}
}

// skippedByNode is like skipped, for an event that the server itself has no handler for.
func (s *Server) skippedByNode(why DropReason) {
	s.countDrop(nil, why, 1)
	s.logger.Debug("chanx: skipped", "what", string(why))
}

// logDrop logs how much was discarded. Drops may be frequent, so it prepares nothing while no line is due.
func (s *Server) logDrop(why DropReason, n int) {
	kind := throttle.Kind{Text: "chanx: dropped", Detail: string(why), Counted: true}
	if !s.lines.Skip(kind, n) {
		s.lines.Log(context.Background(), slog.LevelWarn, kind, n, "what", string(why))
	}
}

// debug logs at level debug, without throttling.
func (c *Conn) debug(text string, attrs ...any) {
	c.mount.srv.logger.Log(c.ctx, slog.LevelDebug, text, c.logAttrs(attrs)...)
}

// logMessage logs a line for LogMessages, without throttling.
func (c *Conn) logMessage(text string, attrs ...any) {
	c.mount.srv.logger.Log(c.ctx, slog.LevelInfo, text, c.logAttrs(attrs)...)
}

func (c *Conn) logAttrs(attrs []any) []any {
	return append([]any{"conn", c.ID(), "pattern", c.mount.pattern}, attrs...)
}

// logMessages is middleware that logs each handled message and event.
func logMessages(quiet []string) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, k *Call) error {
			if slices.Contains(quiet, k.Action) {
				return next(ctx, k)
			}
			start := time.Now()
			err := next(ctx, k)
			k.Conn.logMessage("chanx: handled", "message", k.no, "action", k.Action, "ref", k.Ref,
				"took", time.Since(start), "error", err)
			return err
		}
	}
}
