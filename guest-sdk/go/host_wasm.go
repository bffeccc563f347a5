package choreo

import (
	"runtime"
	"strings"
	"unsafe"
)

// The contract's functions as core WebAssembly has them: lists are an address and a
// count, and the last number is where the answer goes.

//go:wasmimport choreo:host/choreo@0.1.0 prefill
func hostPrefill(calls, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 decode
func hostDecode(calls, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 text
func hostText(ids, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 describe
func hostDescribe(ids, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 count-tokens
func hostCountTokens(role, part, texts, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 release
func hostRelease(ids, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 start-decode
func hostStartDecode(calls, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 [method]pending.read
func hostRead(pending, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 [method]pending.finish
func hostFinish(pending, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 [method]pending.cancel
func hostCancel(pending, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 [resource-drop]pending
func hostDrop(pending uint32)

//go:wasmimport choreo:host/choreo@0.1.0 wait-any
func hostWaitAny(pendings, count, until, limited, milliseconds, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 score
func hostScore(calls, count, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 remaining
func hostRemaining(answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 limit
func hostLimit(name, length uint32, left uint64, answer uint32)

//go:wasmimport choreo:host/choreo@0.1.0 model
func hostModel(answer uint32)

//go:wasmimport choreo:host/log@0.1.0 log
func hostLog(level, text, length uint32)

// The host's way to memory.
//
//go:wasmexport cabi_realloc
func reallocate(old, oldSize, align, size uint32) uint32 {
	if !busy {
		// The plan's arguments come before it asks for anything.
		enter()
		answer()
	}
	// Words, so that any record is aligned.
	words := make([]uint64, size/8+1)
	address := hold(unsafe.Pointer(unsafe.SliceData(words)))
	if old != 0 {
		copy(unsafe.Slice(at[byte](address), size), unsafe.Slice(at[byte](old), oldSize))
	}
	return address
}

// result is what the plan returned, kept until the host has read it.
var result struct {
	failed  uint8
	value   abiText
	content string
}

//go:wasmexport run
func exportedRun(arguments, count uint32) uint32 {
	if busy {
		answered()
	}
	args := list(&abiList{arguments, count}, (*abiText).text)
	leave()
	alone = runtime.NumGoroutine()
	text, err := outcome(args)
	result.failed = 0
	if err != nil {
		result.failed, text = 1, strings.ToValidUTF8(err.Error(), "\uFFFD")
	}
	result.content = text
	result.value = abiText{uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text))}
	return uint32(uintptr(unsafe.Pointer(&result)))
}
