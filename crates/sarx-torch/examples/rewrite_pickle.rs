//! Reads a pickle and writes it again, so that Python can compare what became of it.
//!
//! Usage: `rewrite_pickle IN OUT [MODULE.NAME ..]`; the names may stand in the pickle.

use sarx_torch::{GlobalName, read_pickle, write_pickle};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rewrite_pickle IN OUT [MODULE.NAME ..]".into());
    };
    let expected: Vec<GlobalName> = arguments
        .filter_map(|path| {
            let (module, name) = path.rsplit_once('.')?;
            Some(GlobalName {
                module: module.to_owned(),
                name: name.to_owned(),
            })
        })
        .collect();
    let value = read_pickle(&std::fs::read(input)?, &expected)?;
    std::fs::write(output, write_pickle(&value)?)?;
    Ok(())
}
