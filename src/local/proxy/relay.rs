//! Passes on what two connections say to each other, until they have nothing more to say.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// So often it is asked how much longer to wait.
const ROUND: Duration = Duration::from_secs(5);
const BUFFER: usize = 8 * 1024;

/// Ends when both have ended, one fails, or nothing has come from either for as long as `patience` says at that time.
pub(super) async fn relay(
    mut inside: TcpStream,
    mut outside: TcpStream,
    patience: impl Fn() -> Duration,
) -> io::Result<()> {
    let active = Mutex::new(Instant::now());
    let (inside, outside) = (inside.split(), outside.split());
    let both = async {
        tokio::try_join!(one_way(inside.0, outside.1, &active), one_way(outside.0, inside.1, &active)).map(drop)
    };
    tokio::select! {
        ended = both => ended,
        () = silence(&active, patience) => Ok(()),
    }
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    active: &Mutex<Instant>,
) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..length).unwrap_or_default()).await?;
        *active.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }
}

/// Waits until nothing has been said for long.
async fn silence(active: &Mutex<Instant>, patience: impl Fn() -> Duration) {
    loop {
        let silent = active.lock().unwrap_or_else(std::sync::PoisonError::into_inner).elapsed();
        let patience = patience();
        if silent >= patience {
            return;
        }
        tokio::time::sleep((patience - silent).min(ROUND)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (one, other) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
        Ok((one?, other?.0))
    }

    async fn say(from: &mut TcpStream, to: &mut TcpStream, text: &[u8]) -> io::Result<()> {
        from.write_all(text).await?;
        let mut heard = vec![0; text.len()];
        to.read_exact(&mut heard).await?;
        assert_eq!(heard, text);
        Ok(())
    }

    #[tokio::test]
    async fn both_ways_until_both_end() -> io::Result<()> {
        let ((mut program, inside), (outside, mut host)) = (pair().await?, pair().await?);
        let relay = tokio::spawn(relay(inside, outside, || Duration::from_secs(600)));
        say(&mut program, &mut host, &[1; 100_000]).await?;
        program.shutdown().await?;
        // One that has asked may still be answered.
        say(&mut host, &mut program, b"answer").await?;
        assert!(!relay.is_finished());
        drop(host);
        relay.await??;
        assert_eq!(program.read(&mut [0]).await?, 0);
        Ok(())
    }

    #[tokio::test]
    async fn silence_ends_it() -> io::Result<()> {
        let ((mut program, inside), (outside, mut host)) = (pair().await?, pair().await?);
        let relay = tokio::spawn(relay(inside, outside, || Duration::from_millis(100)));
        say(&mut program, &mut host, b"x").await?;
        relay.await??;
        assert_eq!((program.read(&mut [0]).await?, host.read(&mut [0]).await?), (0, 0));
        Ok(())
    }
}
