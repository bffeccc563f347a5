package choreo

import "runtime"

// Goroutines that each send a decode are served together: whoever waits for the
// model stops the whole component, so one goroutine starts all that are waiting,
// waits for any of them, and lets those go on whose messages are finished.

// alone is the number of goroutines while a plan has started none.
var alone int

// sending is one call on its way.
type sending struct {
	call    Decode
	pending *Pending
	lane    Lane
	done    chan struct{}
}

var (
	// waiting are calls that are not started yet.
	waiting []*sending
	driving bool
)

func together(call Decode) (*Decoded, error) {
	check(call)
	own := &sending{call: call, done: make(chan struct{})}
	waiting = append(waiting, own)
	if !driving {
		driving = true
		go drive()
	}
	<-own.done
	return own.lane.Decoded, own.lane.Err
}

// check panics where a call cannot be sent: here its sender can recover, and is named.
func check(call Decode) {
	defer enter()()
	lendDecode(call)
}

func drive() {
	var started []*sending
	for {
		// Whoever can go on does so first, and may send as well.
		for before := -1; before != len(waiting); {
			before = len(waiting)
			runtime.Gosched()
		}
		if len(waiting)+len(started) == 0 {
			driving = false
			return
		}
		started = append(started, start()...)
		started = finish(started)
	}
}

// start starts all that are waiting: in one list, or one by one where the list
// cannot start, so that each is answered for itself.
func start() []*sending {
	calls := make([]Decode, len(waiting))
	for i, each := range waiting {
		calls[i] = each.call
	}
	starting := waiting
	waiting = nil
	if len(calls) == 0 {
		return nil
	}
	if pendings, err := StartAll(calls...); err == nil {
		for i, pending := range pendings {
			starting[i].pending = pending
		}
		return starting
	}
	var started []*sending
	for _, each := range starting {
		if each.pending, each.lane.Err = each.call.Start(); each.lane.Err != nil {
			close(each.done)
			continue
		}
		started = append(started, each)
	}
	return started
}

// finish waits for any, ends those that are finished, and returns the others.
func finish(started []*sending) []*sending {
	if len(started) == 0 {
		return nil
	}
	pendings := make([]*Pending, len(started))
	for i, each := range started {
		pendings[i] = each.pending
	}
	ready, err := WaitAny(pendings, UntilFinished, NoTimeout)
	if err != nil {
		// Nobody can be waited for: each says why itself.
		ready = make([]int, len(started))
		for i := range ready {
			ready[i] = i
		}
	}
	for _, i := range ready {
		each := started[i]
		each.lane.Decoded, each.lane.Err = each.pending.Finish()
		each.pending.Drop()
		each.pending = nil
		close(each.done)
	}
	var left []*sending
	for _, each := range started {
		if each.pending != nil {
			left = append(left, each)
		}
	}
	return left
}
