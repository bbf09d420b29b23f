//! A real Chromium, driven through WebDriver by plain HTTP.

use crate::common::free_port;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long something on a page may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one window and a profile of its own.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
    /// One browser at a time is enough for a small machine.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl Browser {
    /// Starts one; `None` when the machine has none and nobody said that it must.
    pub fn start() -> Option<Self> {
        let (Some(driver), Some(chromium)) = (program("chromedriver"), program("chromium")) else {
            assert!(
                std::env::var_os("ESH_NEEDS_CHROMIUM").is_none(),
                "this test needs a browser (Debian: apt-get install chromium chromium-driver)"
            );
            println!("skipped: no chromium with chromedriver");
            return None;
        };
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (port, profile) = (free_port(), tempfile::tempdir().unwrap());
        let mut driver = Command::new(driver);
        driver.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut browser =
            Self { driver: driver.spawn().unwrap(), port, session: String::new(), _profile: profile, _turn };
        let deadline = Instant::now() + PATIENCE;
        while browser.request("GET", "/status", "").is_none_or(|status| status["ready"] != true) {
            assert!(Instant::now() < deadline, "chromedriver does not begin");
            std::thread::sleep(Duration::from_millis(50));
        }
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let made = browser.request("POST", "/session", &wanted.to_string()).unwrap();
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Some(browser)
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// Runs a script in the page; gives what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression in the page is true.
    pub fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return Boolean({expression})")) != true {
            assert!(
                Instant::now() < deadline,
                "never true: {expression}\n{}",
                self.run("return document.body.innerText").as_str().unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses keys, one after the other, by their WebDriver codes or letters.
    pub fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        });
        let strokes: Vec<_> = strokes.collect();
        self.command("actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": strokes }] }));
    }

    /// The window is so wide and high, and the person likes it light or dark.
    pub fn like(&self, (width, height): (u32, u32), scheme: &str) {
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &feature);
    }

    /// Takes a picture of the whole page, or of what is seen, and tells where it is.
    pub fn picture(&self, name: &str, whole: bool) {
        let taken = self.devtools("Page.captureScreenshot", &json!({ "captureBeyondViewport": whole }));
        let octets = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        std::fs::write(&file, octets).unwrap();
        println!("picture: {}", file.display());
    }

    /// What the browser complained about: scripts that fail, what its policy forbids.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({ "type": "browser" }));
        let lines = log.as_array().unwrap().iter().filter(|line| line["level"] != "INFO");
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The roles and names that a screen reader gets.
    pub fn accessible(&self) -> Vec<(String, String)> {
        let tree = self.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn command(&self, command: &str, parameters: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let answer = self.request("POST", &path, &parameters.to_string()).unwrap();
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer
    }

    /// `None` when the driver does not listen yet.
    fn request(&self, method: &str, path: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        // The driver keeps the connection, whatever it is asked.
        let (mut answer, mut len, mut line) = (BufReader::new(stream), 0, String::new());
        while answer.read_line(&mut line).ok()? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                len = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; len];
        answer.read_exact(&mut body).ok()?;
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        Some(answer["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // The driver ends the browser with the session.
            let _ = self.request("DELETE", &format!("/session/{}", self.session), "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
