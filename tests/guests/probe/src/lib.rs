//! Does what the test-suite asks for: its first argument picks a behaviour.

mod contract;
mod hostile;
mod script;

use choreo_guest::{Outcome, plan};

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let behaviour = args.first().map_or("", String::as_str);
    let argument = args.get(1).map(String::as_str);
    let number = |default: u32| argument.map_or(Ok(default), str::parse);
    match behaviour {
        "loop" => hostile::spin(),
        "grow" => hostile::grow(),
        "hoard" => hostile::hoard(),
        "trap" => hostile::trap(),
        "recurse" => hostile::recurse(),
        "print" => hostile::print(),
        "flood" => hostile::flood(number(1)?),
        "nap" => hostile::nap(number(u32::MAX)?),
        "exit" => hostile::exit(),
        "clock" => hostile::clock(),
        "big-list" => hostile::big_list(argument.unwrap_or("text")),
        "many-calls" => hostile::many_calls(number(1000)?),
        "sleep-decode" => contract::sleep_decode(number(u32::MAX)?),
        "unknown-message" => contract::unknown_message(),
        "empty-raw-header" => contract::empty_raw_header(),
        "offset-past-context" => contract::offset_past_context(),
        "release-then-use" => contract::release_then_use(),
        "unsupported" => contract::unsupported(),
        "first-call" => contract::first_call(),
        "script" => Ok(script::run(argument.ok_or("script needs its text")?)?),
        other => Err(format!("no behaviour is called {other:?}: see tests/guests/probe").into()),
    }
}
