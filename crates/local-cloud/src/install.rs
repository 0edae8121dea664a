//! Installs an emulator into a virtual environment of its own: once for each pin, whole or not at all, however many processes want it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Error;
use crate::running::lock_file;

/// An emulator that pip can install.
#[derive(Debug)]
pub(crate) struct Package {
    pub name: &'static str,
    pub version: &'static str,
    /// What pip is asked for.
    pub requirement: &'static str,
    /// Every dependency's version, so that an install next year is the install that was tested.
    pub constraints: &'static str,
    pub size: &'static str,
}

/// The pinned emulators.
pub(crate) const MOTO: Package = Package {
    name: "moto",
    version: "5.2.5",
    requirement: "moto[server]==5.2.5",
    constraints: include_str!("../launchers/moto.constraints.txt"),
    size: "about 320 MB, under a minute",
};

pub(crate) const MINISTACK: Package = Package {
    name: "ministack",
    version: "1.5.33",
    requirement: "ministack==1.5.33",
    constraints: include_str!("../launchers/ministack.constraints.txt"),
    size: "about 90 MB, some seconds",
};

impl Package {
    /// Where this pin is installed. The key covers the dependencies' versions too.
    pub fn home(&self, emulators_dir: &Path) -> PathBuf {
        let key = blake3::hash(self.constraints.as_bytes()).to_hex();
        emulators_dir.join(format!("{}-{}-{}", self.name, self.version, &key[..8]))
    }

    /// The interpreter to run it with.
    pub fn python(&self, emulators_dir: &Path) -> PathBuf {
        self.home(emulators_dir).join("bin/python")
    }
}

/// Makes sure that a package is installed. Blocks; an installed one costs one look at the disk.
pub(crate) fn install(package: &Package, emulators_dir: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(), Error> {
    let python = std::env::var_os("GROUNDPLAN_PYTHON").unwrap_or_else(|| "python3".into());
    install_with(&python, package, emulators_dir, progress)
}

fn install_with(
    python: &OsStr,
    package: &Package,
    emulators_dir: &Path,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    let home = package.home(emulators_dir);
    if home.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(emulators_dir).map_err(Error::at(emulators_dir))?;
    let lock_path = emulators_dir.join(format!(".{}.lock", package.name));
    let lock = lock_file(&lock_path)?;
    lock.lock().map_err(Error::at(&lock_path))?;
    if home.is_dir() {
        return Ok(());
    }
    // Under the lock: whatever lies at this name was left by a run that was killed.
    let partial = emulators_dir.join(format!(".{}.partial", package.name));
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(Error::at(&partial))?;
    }
    progress(&format!("Installing the AWS emulator {} {} ({})", package.name, package.version, package.size));
    let made = make(python, package, &partial);
    if let Err(error) = made {
        let _ = std::fs::remove_dir_all(&partial);
        return Err(error);
    }
    std::fs::rename(&partial, &home).map_err(Error::at(&home))?;
    progress(&format!("Installed {} {}", package.name, package.version));
    Ok(())
}

fn make(python: &OsStr, package: &Package, target: &Path) -> Result<(), Error> {
    let venv = match quiet(Command::new(python).args(["-m", "venv"]).arg(target)) {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoPython),
        Err(error) => return Err(Error::System(error)),
    };
    if !venv.status.success() {
        return Err(Error::NoVenv { detail: last_words(&venv) });
    }
    let constraints = target.join("constraints.txt");
    std::fs::write(&constraints, package.constraints).map_err(Error::at(&constraints))?;
    let pip = quiet(
        Command::new(target.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--constraint"])
            .arg(&constraints)
            .arg(package.requirement),
    )?;
    if pip.status.success() {
        return Ok(());
    }
    Err(Error::Install { emulator: format!("{} {}", package.name, package.version), detail: last_words(&pip) })
}

fn quiet(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// The last line that a failed command printed, which is where pip and venv put the reason.
fn last_words(output: &Output) -> String {
    let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(said);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.map_or_else(|| format!("it ended with {}", output.status), |line| line.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_changes_with_the_pins() {
        let newer = Package { constraints: "moto==5.2.5\nFlask==9", ..MOTO };
        let dir = Path::new("emulators");
        assert_ne!(MOTO.home(dir), newer.home(dir));
        assert!(MOTO.home(dir).to_string_lossy().starts_with("emulators/moto-5.2.5-"));
    }

    #[test]
    fn constraints_pin_the_emulators_themselves() {
        for package in [MOTO, MINISTACK] {
            let pin = format!("{}=={}", package.name, package.version);
            assert!(package.constraints.lines().any(|line| line == pin), "{pin}");
        }
    }

    #[test]
    fn installed_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(MOTO.home(dir.path())).unwrap();
        install(&MOTO, dir.path(), &|said| panic!("{said}")).unwrap();
    }

    /// A stand-in for Python: `venv` makes a directory with another stand-in for pip, which does `pip`.
    fn python(dir: &Path, venv: &str, pip: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.join("python");
        let text = format!(
            "#!/bin/sh\necho called >> {0}/calls\n{venv}\nmkdir -p \"$3/bin\"\nprintf '#!/bin/sh\\n{pip}\\n' > \"$3/bin/python\"\nchmod +x \"$3/bin/python\"\n",
            dir.display()
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Visible entries of the emulators directory.
    fn installed(dir: &Path) -> usize {
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy() != ".moto.lock").count()
    }

    #[test]
    fn failures_say_why_and_leave_nothing() {
        let cases = [
            ("echo No module named venv >&2; exit 1", "exit 0", "No module named venv"),
            ("", "echo first; echo Could not find a version >&2; exit 1", "Could not find a version"),
        ];
        for (venv, pip, reason) in cases {
            let dir = tempfile::tempdir().unwrap();
            let python = python(dir.path(), venv, pip);
            let emulators = dir.path().join("emulators");
            let error = install_with(python.as_os_str(), &MOTO, &emulators, &|_| {}).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(installed(&emulators), 0, "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("python-is-not-here");
        let error = install_with(missing.as_os_str(), &MOTO, dir.path(), &|_| {}).unwrap_err();
        assert!(matches!(error, Error::NoPython), "{error}");
    }

    #[test]
    fn two_at_once_install_once() {
        let dir = tempfile::tempdir().unwrap();
        let python = python(dir.path(), "sleep 0.2", "exit 0");
        let emulators = dir.path().join("emulators");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| install_with(python.as_os_str(), &MOTO, &emulators, &|_| {}).unwrap());
            }
        });
        assert!(MOTO.python(&emulators).exists());
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap();
        assert_eq!(calls.lines().count(), 1);
    }
}
