//go:build !wasm

package choreo

// Calls reach a host only inside a component. Natively, so that a plan's own code
// can be tested, they are there and panic.

func absent() {
	panic("choreo: the host is there only inside a component: build with GOOS=wasip1 GOARCH=wasm")
}

func hostPrefill(calls, count, answer uint32)                                  { absent() }
func hostDecode(calls, count, answer uint32)                                   { absent() }
func hostText(ids, count, answer uint32)                                       { absent() }
func hostDescribe(ids, count, answer uint32)                                   { absent() }
func hostCountTokens(role, part, texts, count, answer uint32)                  { absent() }
func hostRelease(ids, count, answer uint32)                                    { absent() }
func hostStartDecode(calls, count, answer uint32)                              { absent() }
func hostRead(pending, answer uint32)                                          { absent() }
func hostFinish(pending, answer uint32)                                        { absent() }
func hostCancel(pending, answer uint32)                                        { absent() }
func hostDrop(pending uint32)                                                  { absent() }
func hostWaitAny(pendings, count, until, limited, milliseconds, answer uint32) { absent() }
func hostScore(calls, count, answer uint32)                                    { absent() }
func hostRemaining(answer uint32)                                              { absent() }
func hostLimit(name, length uint32, left uint64, answer uint32)                { absent() }
func hostModel(answer uint32)                                                  { absent() }
func hostLog(level, text, length uint32)                                       { absent() }
