//! The page in a real browser, with real traffic.

use crate::browser::Browser;
use crate::common::{Client, free_port};
use crate::program::{ARCHIVE, Program, TOKEN, named, telegram, volume};
use std::process::Command;

const WIDE: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (360, 740);
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// The keys of simulated meters, but for those of one.
fn keys_but_one() -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let made =
        command.args(["simulate", "wmbus", "--meters", "12", "--seed", "7", "--count", "1", "--keys"]).arg(&file);
    assert!(made.output().unwrap().status.success());
    let text = std::fs::read_to_string(file).unwrap();
    let (rest, _) = text.rsplit_once("[[key]]").unwrap();
    rest.to_owned()
}

const SIMULATED: &str = "[[source]]\nkind = \"simulate\"\nname = \"air\"\nmeters = 12\nseed = 7\nevery = \"60ms\"\n";

/// An expression that finds the row of a list by a word in it.
fn row(list: &str, word: &str) -> String {
    format!("[...document.querySelectorAll('#{list} tbody tr')].find((row) => row.innerText.includes({word:?}))")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_page_shows_the_line_live() {
    let Some(browser) = Browser::start() else { return };
    let gateway = Program::start(&keys_but_one(), false, &format!("{ARCHIVE}{SIMULATED}")).await;
    browser.like(WIDE, "light");
    browser.go(&gateway.page());

    // The line at a glance.
    browser.until("document.getElementById('state').innerText === 'Ready'");
    browser.until("document.getElementById('gateway').innerText === 'gw-1'");
    browser.until("document.getElementById('sources').innerText.includes('air')");
    browser.until("document.getElementById('sinks').innerText.includes('archive')");
    browser.until("/^[0-9.]+\\/s$/.test(document.getElementById('in-rate').innerText)");

    // Meters appear as they are heard, without anybody loading anything.
    browser.until("document.querySelectorAll('#meters tbody tr').length >= 11");
    let mut client = Client::connect(gateway.lines).await;
    assert_eq!(client.ask(&telegram(20_260_001, &volume(6408))).await, "ok");
    let new = row("meters", "20260001");
    browser.until(&format!("{new} && {new}.innerText.includes('6.408') && {new}.innerText.includes('m³')"));
    assert_eq!(client.ask(&telegram(20_260_001, &volume(6409))).await, "ok");
    browser.until(&format!("{new}.innerText.includes('6.409')"));
    browser.until("document.querySelectorAll('#live li').length > 5");

    // A meter without a key, and what to do about it.
    let locked = row("frames", "no key for this meter");
    browser.until(&locked);
    browser.run(&format!("{locked}.querySelector('button').click()"));
    browser.until("document.getElementById('detail').open");
    browser.until("document.getElementById('detail-error').innerText.includes('[[key]] meter = \"wmbus:')");
    browser.until("document.querySelectorAll('#fields tbody tr').length > 8");
    browser.picture("no-key-1280-light", false);
    browser.press(ESCAPE);
    browser.until("!document.getElementById('detail').open");

    // A frame that was cut, explained as far as it goes.
    assert_eq!(client.ask("2e449315785634123303").await, "ok");
    let cut = row("frames", "34567893");
    let cut = if browser.run(&format!("return Boolean({cut})")) == true { cut } else { row("frames", "octet") };
    browser.until(&cut);
    // By keyboard: the focus comes back to where it was.
    browser.run(&format!("{cut}.querySelector('button').focus()"));
    let focused = browser.run("return document.activeElement.innerText");
    browser.press(ENTER);
    browser.until("document.getElementById('detail').open");
    browser.until("document.querySelector('#fields tr.wrong')");
    browser.until("document.getElementById('detail').contains(document.activeElement)");
    browser.press(ESCAPE);
    browser.until("!document.getElementById('detail').open");
    assert_eq!(browser.run("return document.activeElement.innerText"), focused);

    // A search leaves the meters with that word.
    browser
        .run("const s = document.getElementById('search'); s.value = '20260001'; s.dispatchEvent(new Event('input'))");
    browser.until("document.querySelectorAll('#meters tbody tr').length === 1");
    browser.run("const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))");
    browser.until("document.querySelectorAll('#meters tbody tr').length > 5");

    // A plot of a reading that changes, its values exact.
    browser.run(&format!("{new}.querySelector('button').click()"));
    for litres in [6450, 6470, 6520, 6580, 6600] {
        assert_eq!(client.ask(&telegram(20_260_001, &volume(litres))).await, "ok");
        std::thread::sleep(std::time::Duration::from_millis(2200));
    }
    browser.until(
        "document.querySelector('#plot svg path') && document.getElementById('plot').innerText.includes('6.600 m³')",
    );
    browser.until("document.querySelectorAll('#readings tr').length === 1");
    browser.picture("meter-1280-light", false);
    browser.like(PHONE, "dark");
    browser.picture("meter-360-dark", false);
    browser.press(ESCAPE);

    for (name, size) in [("360", PHONE), ("1280", WIDE)] {
        for scheme in ["light", "dark"] {
            browser.like(size, scheme);
            let width = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
            assert!(width <= size.0.into(), "at {name} it is {width} wide");
            let broken = "return [...document.querySelectorAll('#meters .link')].filter((id) => id.getClientRects().length > 1).length";
            assert_eq!(browser.run(broken), 0, "no number is broken into two lines");
            let ground = browser.run("return getComputedStyle(document.body).backgroundColor");
            let bright = ground.as_str().unwrap().contains("24");
            assert_eq!(bright, scheme == "light", "{ground}");
            browser.picture(&format!("page-{name}-{scheme}"), true);
            for part in ["line", "meters", "frames", "live"] {
                browser.run(&format!("document.getElementById('{part}-title').scrollIntoView()"));
                browser.picture(&format!("page-{name}-{scheme}-{part}"), false);
            }
        }
    }

    // What a screen reader gets.
    let nodes = browser.accessible();
    for heading in ["gw-1", "Line", "Sources", "Queue", "Sinks", "Meters", "Not decoded", "Live"] {
        assert!(nodes.contains(&("heading".into(), heading.into())), "{heading}");
    }
    for (role, name) in &nodes {
        let named = !["button", "searchbox", "textbox", "combobox", "columnheader"].contains(&role.as_str());
        assert!(named || !name.is_empty(), "a {role} without a name");
    }
    assert!(nodes.iter().any(|(role, name)| role == "columnheader" && name == "Last readings"));
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // The gateway goes, and the page says so.
    drop(gateway);
    browser.until("document.getElementById('state').innerText === 'Not connected'");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_strangers_send_is_text() {
    let Some(browser) = Browser::start() else { return };
    let gateway = Program::start("", false, ARCHIVE).await;
    browser.like(WIDE, "dark");
    browser.go(&gateway.page());
    browser.until("document.getElementById('meters-empty').innerText.includes('No frame has come yet')");
    browser.until("document.getElementById('frames-empty').innerText.includes('Every frame was decoded')");
    browser.picture("empty-1280-dark", true);
    let mut client = Client::connect(gateway.lines).await;
    let evil = "<img src=x onerror=document.title='owned'>";
    let records = [volume(1), named(evil, 7), named("</td><script>document.title='owned'</script>", 8)].concat();
    assert_eq!(client.ask(&telegram(20_260_002, &records)).await, "ok");
    let meter = row("meters", "20260002");
    browser.until(&meter);
    browser.run(&format!("{meter}.querySelector('button').click()"));
    browser.until(&format!("document.getElementById('readings').innerText.includes({evil:?})"));
    browser.until("document.getElementById('fields').innerText.includes('onerror')");
    browser.until("document.getElementById('facts').innerText.includes('stick <b>2</b>')");
    for selector in ["#detail img", "#detail script", "main script", "main b b", "#sources b"] {
        assert_eq!(browser.run(&format!("return document.querySelectorAll({selector:?}).length")), 0, "{selector}");
    }
    assert_eq!(browser.run("return document.title.includes('owned')"), false);
    browser.picture("hostile-1280-dark", false);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_is_asked_for_and_remembered() {
    let Some(browser) = Browser::start() else { return };
    let gateway = Program::start("", true, ARCHIVE).await;
    browser.like(PHONE, "light");
    browser.go(&gateway.page());
    let enter = |token: &str| {
        browser.run(&format!(
            "document.getElementById('token').value = {token:?}; document.querySelector('#login button').click()"
        ));
    };
    browser.until("!document.getElementById('login').hidden && document.getElementById('page').hidden");
    browser.picture("login-360-light", false);
    for wrong in ["not-the-token-at-all", "ключ"] {
        enter(wrong);
        browser.until("document.getElementById('login-error').innerText.includes('That is not the token')");
    }
    enter(TOKEN);
    browser.until("!document.getElementById('page').hidden && document.getElementById('gateway').innerText === 'gw-1'");
    assert_eq!(browser.run("return document.cookie"), "", "no script can read it");
    assert_eq!(browser.run("return location.href"), gateway.page(), "no token in an address");
    browser.go(&gateway.page());
    browser.until("!document.getElementById('page').hidden");
    browser.run("document.getElementById('logout').click()");
    browser.until("!document.getElementById('login').hidden");
    browser.go(&gateway.page());
    browser.until("!document.getElementById('login').hidden");
    assert!(!gateway.log().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_the_way_is_said_in_words() {
    let Some(browser) = Browser::start() else { return };
    let sink = format!("[[sink]]\nkind = \"mqtt\"\nname = \"far\"\nurl = \"mqtt://127.0.0.1:{}\"\n", free_port());
    let gateway = Program::start("", false, &sink).await;
    browser.like(WIDE, "light");
    browser.go(&gateway.page());
    browser.until("document.getElementById('state').innerText === 'Ready'");
    assert_eq!(Client::connect(gateway.lines).await.ask(&telegram(20_260_003, &volume(1))).await, "ok");
    browser.until("document.getElementById('state').innerText === 'Not ready'");
    browser.until("document.getElementById('obstacles').innerText.includes('sink far: delivers nothing')");
    browser.until("document.getElementById('sinks').innerText.includes('away')");
    browser.until("document.getElementById('sinks').innerText.includes('Last fault')");
    browser.until("document.getElementById('queue-waiting').innerText === '2'");
    browser.picture("not-ready-1280-light", false);
    browser.like(PHONE, "dark");
    browser.picture("not-ready-360-dark", false);
}
