package pulumicli

import (
	"bytes"
	"io"
	"sync"
)

// Lines writes the whole lines of one stream to a shared writer, without what
// must not be shown, and each with a prefix, so that stacks that run in
// parallel can be told apart.
type Lines struct {
	mu       *sync.Mutex
	to       io.Writer
	prefix   string
	rest     []byte
	redactor redactor
}

// NewLines returns the Lines of both streams of a command. The mutex guards
// the writer.
func NewLines(mu *sync.Mutex, to io.Writer, prefix string) (stdout, stderr *Lines) {
	return &Lines{mu: mu, to: to, prefix: prefix}, &Lines{mu: mu, to: to, prefix: prefix}
}

// Flush writes what is left when no line's end came.
func (l *Lines) Flush() error {
	l.mu.Lock()
	left := len(l.rest) > 0
	l.mu.Unlock()
	if !left {
		return nil
	}
	_, err := l.Write([]byte("\n"))
	return err
}

// Write implements io.Writer.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		line, shown := l.redactor.line(string(bytes.TrimRight(l.rest[:i], "\r")))
		if shown && line != "" {
			if _, err := io.WriteString(l.to, l.prefix+line+"\n"); err != nil {
				return 0, err
			}
		}
		l.rest = l.rest[i+1:]
	}
}
