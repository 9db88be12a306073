//! JSON arrays in instructions.

use scratchdbg_diagnose::rules::dockerfile;
use serde_json::Value;

use super::source::Instruction;

/// Returns the words of the exec form, or `None` if the arguments are not a JSON array: then they
/// are a shell's line or plain words. Engines refuse an array that contains anything but strings.
/// Text after the array is ignored, because engines read only one value.
pub(super) fn strict(instruction: &Instruction) -> Result<Option<Vec<String>>, String> {
    if !instruction.arguments.starts_with('[') {
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(&instruction.arguments).into_iter();
    let Some(Ok(Value::Array(values))) = values.next() else { return Ok(None) };
    let strings =
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    strings.map(Some).ok_or_else(|| {
        advice(instruction).unwrap_or_else(|| "a JSON array of strings is expected".into())
    })
}

/// Returns the problem of an invalid array, and the corrected line.
pub(super) fn advice(instruction: &Instruction) -> Option<String> {
    let broken = dockerfile::broken_array(&instruction.arguments)?;
    Some(format!(
        "it is no JSON array of strings: {}; write {} {}",
        broken.reason, instruction.keyword, broken.mended
    ))
}
