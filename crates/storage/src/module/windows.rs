//! Backup, snapshot and maintenance windows: `03:00-04:00` and `sun:05:00-sun:06:00`, in UTC.

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// A window in minutes; it may go past midnight, or past the week's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    start: u32,
    minutes: u32,
}

impl Window {
    /// A window of every day.
    pub(super) fn daily(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self::between(time(from)?, time(to)?, DAY))
    }

    /// A window of the week.
    pub(super) fn weekly(text: &str) -> Option<Self> {
        let moment = |text: &str| {
            let (day, at) = text.split_once(':')?;
            let day = DAYS.iter().position(|known| day.eq_ignore_ascii_case(known))?;
            Some(u32::try_from(day).ok()? * DAY + time(at)?)
        };
        let (from, to) = text.split_once('-')?;
        Some(Self::between(moment(from)?, moment(to)?, WEEK))
    }

    fn between(start: u32, end: u32, round: u32) -> Self {
        Self { start, minutes: (end + round - start) % round }
    }

    /// How long it is.
    pub(super) fn minutes(self) -> u32 {
        self.minutes
    }

    /// Whether this daily window and a weekly one have a minute in common.
    pub(super) fn meets(self, weekly: Self) -> bool {
        (0..7).any(|day| {
            let start = day * DAY + self.start;
            // One begins within the other.
            (weekly.start + WEEK - start) % WEEK < self.minutes || (start + WEEK - weekly.start) % WEEK < weekly.minutes
        })
    }
}

/// `hh:mm` in minutes.
fn time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = match two(hours) && two(minutes) {
        true => (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?),
        false => return None,
    };
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read() {
        for (text, minutes) in [("03:00-04:00", 60), ("23:30-00:30", 60), ("03:00-03:00", 0)] {
            assert_eq!(Window::daily(text).map(Window::minutes), Some(minutes), "{text}");
        }
        for (text, minutes) in [("sun:05:00-sun:06:00", 60), ("Sun:23:30-Mon:00:30", 60)] {
            assert_eq!(Window::weekly(text).map(Window::minutes), Some(minutes), "{text}");
        }
        for bad in ["", "3:00-4:00", "03:00", "25:00-26:00", "03:60-04:00", "03:00-04:00-05:00", "sun:03:00-sun:04:00"]
        {
            assert_eq!(Window::daily(bad), None, "{bad}");
        }
        for bad in ["", "03:00-04:00", "sunday:03:00-sunday:04:00", "sun:03:00", "xxx:03:00-sun:04:00"] {
            assert_eq!(Window::weekly(bad), None, "{bad}");
        }
    }

    #[test]
    fn windows_that_meet() {
        let meets = |daily, weekly| Window::daily(daily).unwrap().meets(Window::weekly(weekly).unwrap());
        assert!(meets("05:30-06:30", "sun:05:00-sun:06:00"));
        assert!(meets("04:30-05:30", "sun:05:00-sun:06:00"));
        assert!(meets("23:30-00:30", "mon:00:00-mon:01:00"), "past midnight, from sunday into monday");
        assert!(!meets("03:00-04:00", "sun:04:00-sun:05:00"));
        assert!(!meets("06:00-07:00", "sun:05:00-sun:06:00"));
    }
}
