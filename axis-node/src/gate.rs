//! The one way into the core: runtime, cancellation, panics, errors, and the end of the thread that called.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axis_core::{CancellationToken, Engine, Error, ErrorKind, Result, wire};
use futures::FutureExt;
use napi::bindgen_prelude::{JsValue, Object, PromiseRaw, ToNapiValue, Unknown};
use napi::{Env, JsDeferred};
use napi_derive::napi;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;

/// How long the end of a thread waits for its engines: a sync that is cancelled rolls back within a second or two.
const ENDING: Duration = Duration::from_secs(10);

/// Shared by all threads that load the addon, and never ended: they come and go, the runtime does not notice.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().thread_name("axis-node");
    builder
        .build()
        .expect("threads can be started where Node has started its own")
});

/// The JavaScript thread that loaded the addon, as long as it runs.
pub(crate) struct Host {
    gone: CancellationToken,
    engines: Mutex<Vec<Arc<Opened>>>,
    /// Work that no engine ends when it is closed.
    work: TaskTracker,
}

/// An engine that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    engine: Engine,
    closed: AtomicBool,
}

impl Opened {
    /// Returns the engine unless somebody has begun to close it.
    pub(crate) fn engine(&self) -> Result<&Engine> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
        }
        Ok(&self.engine)
    }

    /// Lets no further call in; what is left of the engine is to be closed.
    pub(crate) fn shut(&self) -> &Engine {
        self.closed.store(true, Ordering::SeqCst);
        &self.engine
    }
}

impl Host {
    /// Takes an engine into the care of the thread that opened it: nobody may hold it any more and its schedule still runs.
    pub(crate) fn keep(&self, engine: Engine) -> Arc<Opened> {
        let engine = Arc::new(Opened {
            engine,
            closed: AtomicBool::new(false),
        });
        let mut engines = self.engines();
        if self.gone.is_cancelled() {
            let late = Arc::clone(&engine);
            aside(async move { drop(late.shut().close().await) });
        } else {
            engines.push(Arc::clone(&engine));
        }
        drop(engines);
        engine
    }

    /// Lets go of an engine that was closed.
    pub(crate) fn release(&self, engine: &Arc<Opened>) {
        self.engines().retain(|known| !Arc::ptr_eq(known, engine));
    }

    fn engines(&self) -> MutexGuard<'_, Vec<Arc<Opened>>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    static HOST: OnceCell<Arc<Host>> = const { OnceCell::new() };
}

/// Returns the thread that calls.
pub(crate) fn host() -> Arc<Host> {
    HOST.with(|host| {
        let new = || {
            Arc::new(Host {
                gone: CancellationToken::new(),
                engines: Mutex::default(),
                work: TaskTracker::new(),
            })
        };
        Arc::clone(host.get_or_init(new))
    })
}

/// Runs when a thread loads the addon, and arranges that its work ends with it.
#[napi(module_exports)]
pub fn init(_exports: Object<'_>, env: Env) -> napi::Result<()> {
    env.add_env_cleanup_hook(host(), |host| {
        host.gone.cancel();
        let engines = std::mem::take(&mut *host.engines());
        // A process that exits while DuckDB works would crash in its last moment.
        let closing = futures::future::join_all(engines.iter().map(|engine| engine.shut().close()));
        host.work.close();
        let ending = futures::future::join(closing, host.work.wait());
        let _ = RUNTIME.block_on(async { tokio::time::timeout(ENDING, ending).await });
    })
    .map(drop)
}

/// What JavaScript cancels work with.
#[napi]
#[derive(Debug, Default)]
pub struct NativeCancel {
    token: CancellationToken,
}

#[napi]
impl NativeCancel {
    /// Creates one that nothing has cancelled.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels whatever it was given to.
    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

impl NativeCancel {
    /// Returns the token, for work that ends in order by itself.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

/// Runs work on the runtime and settles a promise with it: with a coded error when it fails, is dropped by `cancel`, or panics.
///
/// A rejection can only carry a code when its value is made on the JavaScript thread: there the work has always succeeded, and
/// what it came to is turned into a value or an error.
pub(crate) fn settle<'env, T, V>(
    env: &'env Env,
    cancel: Option<CancellationToken>,
    work: impl Future<Output = Result<T>> + Send + 'static,
    convert: impl FnOnce(T) -> V + Send + 'static,
) -> napi::Result<PromiseRaw<'env, V>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    type Resolve<V> = Box<dyn FnOnce(Env) -> napi::Result<V> + Send>;
    let (deferred, promise): (JsDeferred<V, Resolve<V>>, _) = env.create_deferred()?;
    let promise = PromiseRaw::new(env.raw(), promise.raw());
    let gone = host().gone.clone();
    RUNTIME.spawn(async move {
        let work = pin!(AssertUnwindSafe(work).catch_unwind());
        let outcome = tokio::select! {
            outcome = work => outcome.unwrap_or_else(|_| Err(panicked())),
            () = cancelled(cancel) => Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
            // Nobody is left who could hear of it.
            () = gone.cancelled() => return,
        };
        deferred.resolve(Box::new(move |env| match outcome {
            Ok(value) => Ok(convert(value)),
            Err(error) => Err(coded(&env, &error)),
        }));
    });
    Ok(promise)
}

/// Runs what answers at once.
pub(crate) fn here<T>(env: &Env, work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    begin(work).map_err(|error| coded(env, &error))
}

/// Runs the part of a call that must have happened when the call returns its promise.
pub(crate) fn begin<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let _runtime = RUNTIME.enter();
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}

/// Runs work in which no engine takes part. The end of the thread cancels it by this token, and waits for it as for engines.
pub(crate) fn to_its_end<T: Send + 'static>(
    cancel: CancellationToken,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let host = host();
    let gone = host.gone.clone();
    let work = async move {
        let mut work = pin!(work);
        tokio::select! {
            outcome = &mut work => outcome,
            () = gone.cancelled() => {
                cancel.cancel();
                work.await
            }
        }
    };
    let task = host.work.spawn_on(work, RUNTIME.handle());
    async move { task.await.unwrap_or_else(|_| Err(panicked())) }
}

/// Runs work of which nobody awaits the end.
pub(crate) fn aside(work: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(work);
}

async fn cancelled(cancel: Option<CancellationToken>) {
    match cancel {
        Some(cancel) => cancel.cancelled().await,
        None => std::future::pending().await,
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the call panicked; this is a defect of AXIS")
}

/// Makes the error that JavaScript gets: an `Error` with `code`, and with the whole of it as JSON in `wire`.
fn coded(env: &Env, error: &Error) -> napi::Error {
    let described = || -> napi::Result<napi::Error> {
        let mut object = env.create_error(napi::Error::from_reason(error.to_string()))?;
        object.set("code", error.code())?;
        object.set("wire", wire::error(error).to_string())?;
        let value: Unknown<'_> = object.to_unknown();
        Ok(napi::Error::from(value))
    };
    described().unwrap_or_else(|failure| failure)
}
