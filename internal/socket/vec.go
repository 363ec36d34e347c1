package socket

import (
	"sync"
	"syscall"
)

const (
	vecMax        = 64       // chunks in one system call
	maxDrainBytes = 64 << 10 // bytes of one blocking write, small enough that WriteTimeout sees progress
)

// A vec holds the buffers of one write. It is pooled together with its closures, so that writing allocates nothing.
type vec struct {
	bufs  [vecMax][]byte
	n     int
	wrote int
	err   error
	iov   iovecs
	try   func(fd uintptr) bool // writes what the kernel accepts
	wait  func(fd uintptr) bool // the same, but waits if that is nothing
}

var vecs = sync.Pool{New: func() any { return newVec() }}

func newVec() *vec {
	v := &vec{}
	v.try = func(fd uintptr) bool { v.wrote, v.err = v.sys(fd); return true }
	v.wait = func(fd uintptr) bool {
		v.wrote, v.err = v.sys(fd)
		return v.wrote > 0 || v.err != nil
	}
	return v
}

func takeVec() *vec { return vecs.Get().(*vec) }

func giveVec(v *vec) {
	clear(v.bufs[:v.n])
	v.n, v.wrote, v.err = 0, 0, nil
	vecs.Put(v)
}

// add returns false if v is full. It ignores an empty b.
func (v *vec) add(b []byte) bool {
	if v.n == vecMax {
		return false
	}
	if len(b) > 0 {
		v.bufs[v.n] = b
		v.n++
	}
	return true
}

// addChunks adds as many chunks as fit and returns their number.
func (v *vec) addChunks(q []chunk) int {
	for i, k := range q {
		if !v.add(k.b) {
			return i
		}
	}
	return len(q)
}

// write tries once, without waiting.
func (v *vec) write(rc syscall.RawConn) (n int, err error) {
	if err = rc.Write(v.try); err != nil {
		return 0, err
	}
	return v.wrote, v.err
}

// drain waits until some bytes are written, at most WriteTimeout.
func (v *vec) drain(c *Conn) (n int, err error) {
	if err = c.nc.SetWriteDeadline(deadline(c.up.opt.WriteTimeout)); err != nil {
		return 0, err
	}
	if c.rc == nil {
		return v.blockingWrite(c)
	}
	if err = c.rc.Write(v.wait); err != nil {
		return 0, err
	}
	return v.wrote, v.err
}

// blockingWrite copies small chunks together, because every Write is a TLS record, or a rendezvous of a pipe.
func (v *vec) blockingWrite(c *Conn) (n int, err error) {
	b := v.bufs[0]
	if v.n == 1 || len(b) >= bufSize {
		return c.nc.Write(b[:min(len(b), maxDrainBytes)])
	}
	bp := takeBuffer()
	defer giveBuffer(bp)
	for _, b := range v.bufs[:v.n] {
		n += copy((*bp)[n:], b)
	}
	return c.nc.Write((*bp)[:n])
}
