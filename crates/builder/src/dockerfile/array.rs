//! JSON arrays of instructions.

use super::source::Instruction;
use scratchdbg_diagnose::rules::dockerfile;
use serde_json::Value;

/// The words of the exec form; `None` if the arguments are no JSON array, which makes them a shell's line or plain words. An
/// array that holds something else than strings is refused by engines. What stands behind it is no matter: engines read one
/// value, and no further.
pub(super) fn strict(instruction: &Instruction) -> Result<Option<Vec<String>>, String> {
    if !instruction.arguments.starts_with('[') {
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(&instruction.arguments).into_iter();
    let Some(Ok(Value::Array(values))) = values.next() else { return Ok(None) };
    let strings = values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    strings.map(Some).ok_or_else(|| advice(instruction).unwrap_or_else(|| "a JSON array of strings is expected".into()))
}

/// What is wrong with an array that is none, and the line that is right.
pub(super) fn advice(instruction: &Instruction) -> Option<String> {
    let broken = dockerfile::broken_array(&instruction.arguments)?;
    Some(format!("it is no JSON array of strings: {}; write {} {}", broken.reason, instruction.keyword, broken.mended))
}
