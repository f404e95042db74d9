//! What reads a script is told to read it from its standard input, and what its parameters are: nothing of it is a file, and
//! PowerShell shows nobody what runs.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entity::command::Shell;

/// Arguments for what reads it, and the text for its standard input.
pub fn invocation(shell: Shell, script: &str, parameters: &[String]) -> (Vec<String>, String) {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut arguments = match shell {
        Shell::Bash => words(&["--noprofile", "--norc", "-s", "--"]),
        Shell::Sh => words(&["-s", "--"]),
        // Isolated: neither the folder nor the environment says where modules are.
        Shell::Python => words(&["-I", "-"]),
        Shell::Powershell => words(&["-NoProfile", "-NonInteractive", "-Command", "-"]),
    };
    if shell == Shell::Powershell {
        return (arguments, powershell(script, parameters));
    }
    arguments.extend(parameters.iter().cloned());
    (arguments, script.to_owned())
}

/// A line that holds a script and its parameters for PowerShell, which takes none of these besides a script on its input,
/// ends a block at an empty line there, reads the input in whatever the machine's old character set is, and takes several
/// characters for quotes. So all of it is written in letters that mean the same everywhere.
fn powershell(script: &str, parameters: &[String]) -> String {
    let text = |text: &str| {
        let encoded = BASE64_STANDARD.encode(text);
        format!("([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{encoded}')))")
    };
    let parameters: String = parameters.iter().map(|one| format!(" {}", text(one))).collect();
    let script = text(script);
    // Who has no console cannot set how it writes. An error that nobody in the script took ends it without success.
    format!(
        "$ProgressPreference='SilentlyContinue';try{{[Console]::OutputEncoding=[Text.Encoding]::UTF8}}catch{{}};\
         try{{&([ScriptBlock]::Create({script})){parameters}}}catch{{[Console]::Error.WriteLine($_);exit 1}}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_comes_from_the_standard_input_alone() {
        let parameters = ["-x".to_owned(), "it's\n2".to_owned()];
        for shell in [Shell::Bash, Shell::Sh, Shell::Python] {
            let (arguments, text) = invocation(shell, "true", &parameters);
            assert_eq!(text, "true");
            assert_eq!(arguments[arguments.len() - 2..], parameters);
        }
    }

    #[test]
    fn powershell_gets_one_line_in_which_nothing_of_the_script_can_mean_something_else() {
        let script = "function f {\n\n  'grü\u{df}e'\n}\nf; exit 3";
        // Typographic quotes end a string of PowerShell, too.
        let parameters = ["\u{2019}; Remove-Item C:\\ -Recurse; \u{2019}".to_owned(), String::new()];
        let (arguments, text) = invocation(Shell::Powershell, script, &parameters);
        assert_eq!(arguments, ["-NoProfile", "-NonInteractive", "-Command", "-"]);
        assert!(text.is_ascii() && text.ends_with("exit 1}\n\n"), "an empty line ends what is open");
        assert_eq!(text.trim_end().lines().count(), 1);
        let encoded: Vec<String> = text
            .split("FromBase64String('")
            .skip(1)
            .map(|rest| BASE64_STANDARD.decode(rest.split('\'').next().unwrap()).unwrap())
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect();
        assert_eq!(encoded, [script, &parameters[0], ""]);
        assert!(!text.contains("Remove-Item"));
    }
}
