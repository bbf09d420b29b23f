//! QuickJS with one codec in it: compiled once, in the sloppy mode of scripts, called many times. It is bound to its
//! thread, and everything a script does to it stays in it.

use super::{Answer, CodecError, Downlink, Uplink, answer, native};
use esh_core::Reason;
use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::{Array, Context, Ctx, Error, Function, Object, Persistent, Runtime, Value};
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The most memory of a codec: the largest that is published takes a tenth of it.
const MEMORY: usize = 16 << 20;

/// The most octets of a script's stack. Our threads have at least eight times as many.
const STACK: usize = 256 << 10;

/// Processor time of a call. The slowest published codec takes a thousandth of it.
const CALL: Duration = Duration::from_millis(250);

/// Processor time to compile a codec and to run what stands outside its functions.
const START: Duration = Duration::from_secs(2);

const HOST: &str = include_str!("host/host.js");
const BUFFER: &str = include_str!("host/buffer.js");
const CRYPTO: &str = include_str!("host/crypto.js");
const GUARD: &str = include_str!("host/guard.js");

/// Functions may be declared with `let` and `const`, too: then they are no members of the global object.
const GLOBALS: &str = r#"({
    decodeUplink: typeof decodeUplink === "function" ? decodeUplink : undefined,
    Decoder: typeof Decoder === "function" ? Decoder : undefined,
    Decode: typeof Decode === "function" ? Decode : undefined,
    normalizeUplink: typeof normalizeUplink === "function" ? normalizeUplink : undefined,
    encodeDownlink: typeof encodeDownlink === "function" ? encodeDownlink : undefined,
    driver: typeof driver === "object" ? driver : undefined,
})"#;

type Everything = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
);

/// A codec, ready to be called.
pub(super) struct Engine {
    // Values go before the context they belong to, and that before its runtime.
    decode_uplink: Persistent<Function<'static>>,
    encode_downlink: Persistent<Function<'static>>,
    tell: Persistent<Function<'static>>,
    context: Context,
    budget: Rc<Budget>,
    /// Whether a call came before.
    pub(super) used: bool,
}

/// Processor time that is left. That of this thread: a busy machine does not make a codec fail.
#[derive(Debug, Default)]
struct Budget {
    end: Cell<Duration>,
    spent: Cell<bool>,
}

impl Budget {
    fn begin(&self, time: Duration) {
        self.end.set(processor_time() + time);
        self.spent.set(false);
    }

    fn is_spent(&self) -> bool {
        if !self.spent.get() {
            self.spent.set(processor_time() > self.end.get());
        }
        self.spent.get()
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

impl Engine {
    /// Compiles a codec and runs what stands outside its functions.
    pub(super) fn start(source: &str) -> Result<Self, CodecError> {
        let runtime = Runtime::new().map_err(|_| CodecError::limit("memory"))?;
        let budget = Rc::new(Budget::default());
        budget.begin(START);
        let left = Rc::clone(&budget);
        runtime.set_interrupt_handler(Some(Box::new(move || left.is_spent())));
        runtime.set_max_stack_size(STACK);
        let context = Context::custom::<Everything>(&runtime).map_err(|_| CodecError::limit("memory"))?;
        let host = context.with(|ctx| host(&ctx).map_err(|error| failed(&ctx, &error, &budget, None)))?;
        // From here on everything is the codec's.
        runtime.set_memory_limit(MEMORY);
        let engine = Self {
            decode_uplink: host.decode_uplink,
            encode_downlink: host.encode_downlink,
            tell: host.tell,
            context,
            budget,
            used: false,
        };
        engine.with(|ctx| {
            let _: Value<'_> = ctx.eval_with_options(source, script("codec"))?;
            let globals: Object<'_> = ctx.eval_with_options(GLOBALS, script("globals"))?;
            host.bind.restore(ctx)?.call::<_, Value<'_>>((globals,)).map(|_| ())
        })?;
        Ok(engine)
    }

    /// TS013, decodeUplink and normalizeUplink.
    pub(super) fn decode_uplink(&mut self, uplink: &Uplink<'_>) -> Result<Answer, CodecError> {
        self.begin();
        let [data, errors, warnings, normalized] = self.with(|ctx| {
            let bytes = Array::new(ctx.clone())?;
            for (at, octet) in uplink.bytes.iter().enumerate() {
                bytes.set(at, *octet)?;
            }
            let time = uplink.received_at.map(milliseconds);
            let function = self.decode_uplink.clone().restore(ctx)?;
            texts(&function.call((bytes, uplink.port, time, uplink.variables))?)
        })?;
        let data = data.filter(|data| data != "null");
        Answer::new(data, errors.as_deref(), warnings.as_deref(), normalized)
    }

    /// TS013, encodeDownlink.
    pub(super) fn encode_downlink(&mut self, data: &str, variables: Option<&str>) -> Result<Downlink, CodecError> {
        self.begin();
        let [bytes, port, errors, warnings] = self.with(|ctx| {
            let function = self.encode_downlink.clone().restore(ctx)?;
            texts(&function.call((data, variables))?)
        })?;
        Downlink::new(bytes.as_deref(), port.as_deref(), errors.as_deref(), warnings.as_deref())
    }

    fn begin(&mut self) {
        self.used = true;
        self.budget.begin(CALL);
    }

    fn with<T>(&self, body: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<T>) -> Result<T, CodecError> {
        self.context.with(|ctx| body(&ctx).map_err(|error| failed(&ctx, &error, &self.budget, Some(&self.tell))))
    }
}

/// Milliseconds since 1970, which a script's number holds exactly.
fn milliseconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64
}

fn texts<const N: usize>(array: &Array<'_>) -> rquickjs::Result<[Option<String>; N]> {
    let mut texts = [const { None }; N];
    for (at, text) in texts.iter_mut().enumerate() {
        *text = array.get(at)?;
    }
    Ok(texts)
}

fn script(name: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    options
}

/// What stands around a codec.
struct Host {
    bind: Persistent<Function<'static>>,
    decode_uplink: Persistent<Function<'static>>,
    encode_downlink: Persistent<Function<'static>>,
    tell: Persistent<Function<'static>>,
}

fn host(ctx: &Ctx<'_>) -> rquickjs::Result<Host> {
    let make = |source: &'static str, name| ctx.eval_with_options::<Function<'_>, _>(source, script(name));
    let (host, buffer, crypto) = (make(HOST, "host")?, make(BUFFER, "buffer")?, make(CRYPTO, "crypto")?);
    let parts: Object<'_> = host.call((native::functions(ctx)?, buffer, crypto))?;
    make(GUARD, "guard")?.call::<_, Value<'_>>(())?;
    Ok(Host {
        bind: parts.get("bind")?,
        decode_uplink: parts.get("decodeUplink")?,
        encode_downlink: parts.get("encodeDownlink")?,
        tell: parts.get("tell")?,
    })
}

/// Why a script did not come to its end.
fn failed(ctx: &Ctx<'_>, error: &Error, budget: &Budget, tell: Option<&Persistent<Function<'static>>>) -> CodecError {
    let thrown: Option<Value<'_>> = matches!(error, Error::Exception).then(|| ctx.catch());
    if budget.spent.get() {
        return CodecError::limit("time");
    }
    let Some(thrown) = thrown.filter(|thrown| !thrown.is_null()) else {
        return match error {
            // So does the engine when there is no memory for an exception.
            Error::Exception => {
                CodecError::new(Reason::Overflow, "the codec threw null: it does so itself, or has no memory left")
            }
            Error::Allocation | Error::Unknown => CodecError::limit("memory"),
            other => CodecError::new(Reason::Malformed, &other.to_string()),
        };
    };
    let told = tell.and_then(|tell| tell.clone().restore(ctx).ok()?.call::<_, String>((thrown,)).ok());
    if told.is_none() {
        // Telling it has failed as well.
        let _ = ctx.catch();
    }
    match told {
        Some(told) if told.contains("InternalError: out of memory") => CodecError::limit("memory"),
        Some(told) if told.contains("Maximum call stack size exceeded") => CodecError::limit("stack"),
        Some(told) => CodecError::new(Reason::Malformed, &answer::in_words(&told)),
        None if budget.spent.get() => CodecError::limit("time"),
        None => CodecError::limit("memory"),
    }
}
