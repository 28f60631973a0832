package httpserve

import (
	"net"
	"net/http"
	"sync"
)

// limited accepts no connection while as many are open as there are slots: the system lets further ones wait. It counts
// what the server says of connections, and leaves them as they are: the server looks into those of TLS.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

// limit bounds the connections open at one time; 0 means no bound.
func limit(l net.Listener, srv *http.Server, connections int) net.Listener {
	if connections <= 0 {
		return l
	}
	lim := &limited{Listener: l, slots: make(chan struct{}, connections), closed: make(chan struct{})}
	srv.ConnState = lim.changed
	return lim
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
	}
	return conn, err
}

// changed frees the slot of a connection that is over.
func (l *limited) changed(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		<-l.slots
	}
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
