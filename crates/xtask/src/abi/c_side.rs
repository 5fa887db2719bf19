//! The C side: a program made of the facts, compiled against `include/` as C11 and as C++17, and run.
//!
//! Layouts, types of members and numbers are static assertions; the declaration of each function and variable
//! is repeated as the facts have it, which the compiler refuses if the header's differs; bit fields and
//! strings are compared when the program runs. Each header is compiled alone as well.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Abi, Result};
use crate::command;
use crate::declarations::files_below;
use crate::facts::{Layout, Member};

const COMPILE_LIMIT: Duration = Duration::from_secs(120);
const RUN_LIMIT: Duration = Duration::from_secs(10);
/// Warnings are errors, and functions beyond the standards are there.
pub const WARNINGS: [&str; 4] = ["-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"];
const LANGUAGES: [(&str, &str, &str); 2] = [("cc", "-std=c11", "c"), ("c++", "-std=c++17", "c++")];

/// Compiles all headers and the program; returns the number of checks.
pub fn check(root: &Path, abi: &Abi, scratch: &Path, wrong: &mut Vec<String>) -> Result<usize> {
    fs::create_dir_all(scratch)?;
    let headers = headers(root)?;
    let mut made = 0;
    for header in &headers {
        let source = scratch.join("alone.c");
        fs::write(&source, format!("#include <{header}>\n"))?;
        for language in LANGUAGES {
            made += 1;
            let mut compiler = compiler(root, language, &source);
            compiler.args(WARNINGS).arg("-fsyntax-only");
            report(compiler, COMPILE_LIMIT, &format!("{header} alone as {}", language.2), wrong)?;
        }
    }
    let source = scratch.join("inline.c");
    fs::write(&source, inline_functions(root, abi, &headers)?)?;
    for language in LANGUAGES {
        made += 1;
        let mut compiler = compiler(root, language, &source);
        compiler.args(WARNINGS).arg("-c").arg("-o").arg(scratch.join("inline.o"));
        report(compiler, COMPILE_LIMIT, &format!("inline functions as {}", language.2), wrong)?;
    }
    let source = scratch.join("identity.c");
    fs::write(&source, program(root, abi, &headers)?)?;
    for language in LANGUAGES {
        made += 2;
        let binary = scratch.join(format!("identity-{}", language.2));
        let mut compiler = compiler(root, language, &source);
        // Inline functions refer to functions of the library, which the program does not call.
        compiler
            .args(["-w", "-D_GNU_SOURCE", "-O1", "-Wl,--unresolved-symbols=ignore-all", "-o"])
            .arg(&binary);
        let before = wrong.len();
        report(compiler, COMPILE_LIMIT, &format!("identity as {}", language.2), wrong)?;
        if wrong.len() == before {
            report(
                Command::new(&binary),
                RUN_LIMIT,
                &format!("identity of {} at run time", language.2),
                wrong,
            )?;
        }
    }
    Ok(made)
}

/// All headers of `include/`, as C includes them.
pub fn headers(root: &Path) -> Result<Vec<String>> {
    let include = root.join("include");
    let relative = |path: PathBuf| Ok(path.strip_prefix(&include)?.to_string_lossy().into_owned());
    files_below(&include)?.into_iter().map(relative).collect()
}

fn compiler(root: &Path, (program, standard, language): (&str, &str, &str), source: &Path) -> Command {
    let mut command = Command::new(program);
    command.args([standard, "-x", language, "-I"]).arg(root.join("include")).arg(source);
    command
}

/// Runs a program that must succeed in silence.
fn report(command: Command, limit: Duration, what: &str, wrong: &mut Vec<String>) -> Result<()> {
    let outcome = command::run_quietly(command, limit)?;
    if !outcome.success {
        let lines: Vec<&str> =
            outcome.output.lines().filter(|line| !line.contains("note:")).take(20).collect();
        wrong.push(format!("{what}:\n{}", lines.join("\n")));
    }
    Ok(())
}

/// The whole program.
fn program(root: &Path, abi: &Abi, headers: &[String]) -> Result<String> {
    let mut static_part = String::new();
    let mut run_part = String::new();
    for (name, aggregate) in abi.declarations.aggregates.iter().filter(|(_, a)| !a.is_opaque() && !a.in_place)
    {
        // Types of other libraries come with those libraries' headers.
        if aggregate.file == Path::new("deps.rs") {
            continue;
        }
        let (c_name, layout) =
            abi.facts.layout(aggregate.keyword, name).ok_or_else(|| format!("{name}: no fact"))?;
        assert_layout(&mut static_part, &c_name, layout)?;
        compare_bit_fields(&mut run_part, &c_name, layout)?;
    }
    for (name, constant) in &abi.declarations.constants {
        let value = abi.facts.value(name).ok_or_else(|| format!("{name}: no fact"))?;
        if constant.file != Path::new("deps.rs") {
            assert_value(&mut static_part, name, value, constant.is_pointer)?;
        }
    }
    for (name, value) in &abi.facts.constants {
        if !abi.declarations.constants.contains_key(name) {
            compare_macro(&mut run_part, name, value)?;
        }
    }
    for name in abi.declarations.aliases.keys() {
        if let Some(target) = abi.facts.typedef(name).filter(|target| !target.ends_with("{}")) {
            writeln!(static_part, "SAME_TYPE({name}, {});", type_expression(target))?;
        }
    }
    let mut text = head(headers);
    text += &static_part;
    text += &redeclarations(abi, &code(root, headers)?)?;
    text += "\nint main(void)\n{\n\tint wrong = 0;\n\n";
    text += &run_part;
    text += "\treturn wrong;\n}\n";
    Ok(text)
}

fn head(headers: &[String]) -> String {
    let mut text = String::new();
    for header in headers {
        text += &format!("#include <{header}>\n");
    }
    text += "
#ifdef __cplusplus
#define _Bool bool
#define _Atomic
#define ASSERT(condition, what) static_assert(condition, what)
#define ALIGNMENT(type) alignof(type)
#define SAME_TYPE(a, b) static_assert(sizeof(a) == sizeof(b), #a)
#else
#define ASSERT(condition, what) _Static_assert(condition, what)
#define ALIGNMENT(type) _Alignof(type)
#define SAME_TYPE(a, b) _Static_assert(__builtin_types_compatible_p(a, b), #a)
#endif
#define SIZE(type, member) sizeof(((type *)0)->member)
#define MEMBER(type, member, offset, size) \\
\tASSERT(offsetof(type, member) == offset && SIZE(type, member) == size, #type \".\" #member)
#define COMPARE(condition, what) if (!(condition)) { wrong = 1; puts(what); }

";
    text
}

fn assert_layout(out: &mut String, name: &str, layout: &Layout) -> Result<()> {
    let (size, align) = (layout.size, layout.align);
    writeln!(out, "ASSERT(sizeof({name}) == {size} && ALIGNMENT({name}) == {align}, \"{name}\");")?;
    assert_members(out, name, &layout.members, "", 0)
}

/// Offsets of nested members count from the member that holds them, which is at `base`.
fn assert_members(out: &mut String, name: &str, members: &[Member], prefix: &str, base: u64) -> Result<()> {
    for member in members.iter().filter(|member| member.bits.is_none()) {
        let inner = match &member.name {
            Some(own) => {
                let path = format!("{prefix}{own}");
                writeln!(out, "MEMBER({name}, {path}, {}, {});", base + member.offset, member.size)?;
                if !member.ty.contains("{...}") {
                    let ty = type_expression(&member.ty);
                    writeln!(out, "SAME_TYPE(__typeof__((({name} *)0)->{path}), {ty});")?;
                }
                format!("{path}.")
            }
            None => prefix.to_owned(),
        };
        assert_members(out, name, &member.members, &inner, base + member.offset)?;
    }
    Ok(())
}

/// A C type as one argument of a macro.
fn type_expression(ty: &str) -> String {
    if ty.contains(',') { format!("__typeof__({ty})") } else { ty.to_owned() }
}

/// Sets each bit field and looks at the memory.
fn compare_bit_fields(out: &mut String, name: &str, layout: &Layout) -> Result<()> {
    for member in &layout.members {
        let (Some(field), Some((first, width))) = (&member.name, member.bits) else { continue };
        let mask = ((1_u128 << width) - 1) << first;
        writeln!(out, "\t{{\n\t\t{name} it;\n\t\tuint64_t word = 0;\n\t\tmemset(&it, 0, sizeof(it));")?;
        writeln!(out, "\t\tit.{field} = ({})-1;", member.ty)?;
        writeln!(out, "\t\tmemcpy(&word, (char *)&it + {}, {});", member.offset, member.size)?;
        writeln!(out, "\t\tCOMPARE(word == {mask:#x}ULL, \"{name}.{field}\");\n\t}}")?;
    }
    Ok(())
}

fn assert_value(out: &mut String, name: &str, value: i128, is_pointer: bool) -> Result<()> {
    let literal = literal(value);
    if is_pointer {
        // Casts from pointers are no constant expressions in C++.
        writeln!(out, "static const uintptr_t value_of_{name} = {literal};")?;
        writeln!(
            out,
            "static inline int same_{name}(void) {{ return (uintptr_t){name} == value_of_{name}; }}"
        )?;
        return Ok(());
    }
    writeln!(out, "ASSERT((long long){name} == {literal}, \"{name}\");")?;
    Ok(())
}

fn literal(value: i128) -> String {
    if value > i128::from(i64::MAX) { format!("(long long){value}ULL") } else { format!("{value}LL") }
}

/// A macro that only C has is compared if the headers have it at all.
fn compare_macro(out: &mut String, name: &str, value: &serde_json::Value) -> Result<()> {
    writeln!(out, "#ifdef {name}")?;
    match value.as_str() {
        Some(text) => writeln!(out, "\tCOMPARE(strcmp({name}, {text:?}) == 0, \"{name}\");")?,
        None => writeln!(out, "\tCOMPARE((long long)({name}) == (long long){value}, \"{name}\");")?,
    }
    writeln!(out, "#endif")?;
    Ok(())
}

/// Functions and variables once more, as the facts have them.
fn redeclarations(abi: &Abi, code: &str) -> Result<String> {
    let mut text = String::from("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (name, file) in &abi.declarations.symbols {
        let Some(symbol) = abi.facts.symbols.get(name).filter(|_| file != Path::new("deps.rs")) else {
            continue;
        };
        writeln!(text, "extern {};", symbol.declaration)?;
    }
    text += "#ifdef __cplusplus\n}\n#endif\n";
    for (name, declaration) in &abi.facts.inlines {
        if code.contains(&format!("\n{name}(")) {
            writeln!(text, "static inline {declaration};")?;
        }
    }
    Ok(text)
}

/// All headers in one.
fn code(root: &Path, headers: &[String]) -> Result<String> {
    let mut code = String::new();
    for header in headers {
        code += &fs::read_to_string(root.join("include").join(header))?;
    }
    Ok(code)
}

/// A table of all functions that the headers define, so that the compiler translates each.
fn inline_functions(root: &Path, abi: &Abi, headers: &[String]) -> Result<String> {
    let code = code(root, headers)?;
    let mut text = head(headers);
    text += "typedef void (*any_function)(void);\nextern const any_function inline_functions[];\n";
    text += "const any_function inline_functions[] = {\n";
    for name in abi.facts.inlines.keys().filter(|name| code.contains(&format!("\n{name}("))) {
        writeln!(text, "\t(any_function){name},")?;
    }
    text += "};\n";
    Ok(text)
}
