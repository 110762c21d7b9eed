//! Tasks, on as many threads as there are processors, and others for what takes long.

use std::io;

/// Everything runs on this.
static EXECUTOR: smol::Executor<'static> = smol::Executor::new();

/// A task that is cancelled when this is dropped. It is never awaited, so a panic in it ends the task and nothing else.
#[derive(Debug)]
pub struct Task(smol::Task<()>);

impl Task {
    pub(crate) fn detach(self) {
        self.0.detach();
    }
}

/// Runs a future on this thread, and what it spawns on this thread and one more for each other processor.
pub(crate) fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for number in 1..threads {
        let name = format!("worker-{number}");
        // They end with the process: nothing on them is needed for longer than the future.
        std::thread::Builder::new().name(name).spawn(|| smol::block_on(EXECUTOR.run(std::future::pending::<()>())))?;
    }
    Ok(smol::block_on(EXECUTOR.run(future)))
}

/// Starts a task.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(EXECUTOR.spawn(future))
}

/// Runs what takes long on another thread, to its end, whether or not somebody waits for it.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> + Send + 'static {
    let (sender, receiver) = smol::channel::bounded(1);
    let work = smol::unblock(move || {
        // Nobody may wait for it any more.
        let _ = sender.try_send(work());
    });
    work.detach();
    async move { receiver.recv().await.map_err(|_| io::Error::other("it ended by a panic")) }
}
