;; WASI preview 1 for plans: standard output and standard error are the host's standard
;; error, randomness is the host's, the clock moves when it is read or slept by, and all
;; else is absent. It needs no memory of its own, so that it works while a module starts.
(module
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get_stderr (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
  (import "env" "memory" (memory 0))

  ;; The host's standard error; -1 before it is asked for.
  (global $stderr (mut i32) (i32.const -1))
  ;; Nanoseconds: a reading takes one million, as the host's own does, and a sleep as
  ;; many as are slept, in no time. It is kept here, for a Go runtime also reads it
  ;; while the host has it give memory, when nothing may be asked of the host.
  (global $now (mut i64) (i64.const 0))
  ;; The time of day is always the start of the year 2000.
  (global $day i64 (i64.const 946684800000000000))

  ;; Prints at most 4096 bytes. The answer takes 12 bytes of memory: the first
  ;; ones, which are put back. Whether it was printed changes nothing.
  (func $print (param $at i32) (param $bytes i32)
    (local $first i64) (local $second i32)
    (if (i32.eq (global.get $stderr) (i32.const -1))
      (then (global.set $stderr (call $get_stderr))))
    (local.set $first (i64.load (i32.const 0)))
    (local.set $second (i32.load (i32.const 8)))
    (call $write (global.get $stderr) (local.get $at) (local.get $bytes) (i32.const 0))
    (i64.store (i32.const 0) (local.get $first))
    (i32.store (i32.const 8) (local.get $second)))

  (func (export "fd_write") (param $file i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)
    (local $at i32) (local $left i32) (local $piece i32) (local $total i32)
    (if (i32.gt_u (i32.sub (local.get $file) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8)))) ;; badf
    (block $done
      (loop $vector
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $vectors)))
        (local.set $left (i32.load offset=4 (local.get $vectors)))
        (local.set $total (i32.add (local.get $total) (local.get $left)))
        (block $printed
          (loop $pieces
            (br_if $printed (i32.eqz (local.get $left)))
            (local.set $piece
              (select (local.get $left) (i32.const 4096) (i32.lt_u (local.get $left) (i32.const 4096))))
            (call $print (local.get $at) (local.get $piece))
            (local.set $at (i32.add (local.get $at) (local.get $piece)))
            (local.set $left (i32.sub (local.get $left) (local.get $piece)))
            (br $pieces)))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $vector)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))

  (func (export "random_get") (param $at i32) (param $bytes i32) (result i32)
    (block $done
      (loop $byte
        (br_if $done (i32.eqz (local.get $bytes)))
        (i64.store8 (local.get $at) (call $random))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $byte)))
    (i32.const 0))

  ;; Clock 0 is the time of day.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (if (i32.eqz (local.get $clock))
      (then (i64.store (local.get $time) (global.get $day)))
      (else
        (i64.store (local.get $time) (global.get $now))
        (global.set $now (i64.add (global.get $now) (i64.const 1000000)))))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1))
    (i32.const 0))

  ;; Serves the first subscription, where it is a clock's: language libraries sleep
  ;; like that. A subscription has 48 bytes (user data, kind at 8, clock at 16, time-out
  ;; at 24, 1 at 40 where that is no length but a time), an event 32 (user data, error
  ;; at 8, kind at 10).
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $sleep i64) (local $from i64)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28)))) ;; inval
    (if (i32.load8_u offset=8 (local.get $in)) (then (return (i32.const 52)))) ;; nosys
    (local.set $sleep (i64.load offset=24 (local.get $in)))
    (if (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))
      (then
        (local.set $from (select (global.get $now) (global.get $day) (i32.load offset=16 (local.get $in))))
        (local.set $sleep
          (select
            (i64.sub (local.get $sleep) (local.get $from))
            (i64.const 0)
            (i64.gt_u (local.get $sleep) (local.get $from))))))
    (global.set $now (i64.add (global.get $now) (local.get $sleep)))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))

  ;; No arguments, no environment.
  (func (export "args_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; The three standard files are terminals; there are no others.
  (func (export "fd_fdstat_get") (param $file i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $file) (i32.const 2)) (then (return (i32.const 8)))) ;; badf
    (i64.store (local.get $stat) (i64.const 2))
    (i64.store offset=8 (local.get $stat) (i64.const 0))
    (i64.store offset=16 (local.get $stat) (i64.const 0))
    (i32.const 0))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "sched_yield") (result i32) (i32.const 0))
  ;; What a library says before it ends the program is printed by now.
  (func (export "proc_exit") (param i32) unreachable)

  ;; Absent: 52 is nosys.
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_close") (param i32) (result i32) (i32.const 52))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 52))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52))
)
