//! Bodies: JSON as clients see it, packed where it is stored. Row width is what a payment costs, and most of it is a body.
//!
//! A stored body is one byte of packing, then the text: 0 as it is; 1 as its length (4 bytes, little endian) and an LZ4
//! block that may refer to [`SAMPLE`], a text with the member names of our objects in their order. The sample of a packing
//! number never changes: another sample is another number. SQL never looks into a body.

use std::fmt;
use std::sync::Arc;

use crate::door::{AsCell, Cell, Cells, Inconsistent, Kind};

const PLAIN: u8 = 0;
const LZ4_SAMPLE_1: u8 = 1;

/// What packed bodies have in common; what stands last is nearest and cheapest to refer to.
const SAMPLE: &[u8] = br#"{"type":"/docs/errors/","title":"","status":422,"detail":"","code":"","param":"","retryable":false,"request_id":"req_"}{"id":"cas_","object":"case","trade_id":"trd_","kind":"","status":"open","instruction":"ins_","refund_part":null,"amount":,"currency":"","actions":["accept","refund"],"resolution":null,"note":null,"opened_at":"2026-"}{"id":"cpn_","object":"coupon","status":"usable","merchant_id":"mch_","owner":"user:","amount":,"currency":"CNY","budget":false,"expires_at":null,"created_at":"2026-"}{"id":"ref_","object":"refund","trade_id":"trd_","payment_id":"pay_","merchant_refund_id":"","status":"pending","amount":,"currency":"CNY","reason":null,"reason_code":"merchant","splits":[{"receiver":"seller:","before_release":0,"after_release":0}],"parts":[{"instruction":"ins_","tool":"channel","amount":,"status":"succeeded","way":"channel"}],"created_at":"2026-"{"id":"trd_","object":"trade","status":"created","closing":false,"closed_reason":"expired","type":"escrow","sub_type":"general","status":"completed","closing":false,"type":"instant","sub_type":"shop.checkout","merchant_id":"mch_","merchant_order_id":"","amount":,"currency":"CNY","paid_amount":0,"confirmed_amount":0,"escrow_amount":0,"refunded_amount":0,"refundable_amount":0,"buyer":"","subject":"","splits":[{"receiver":"seller:","amount":,"released":0,"returned":0,"returning":0},{"receiver":"merchant:mch_","amount":,"released":,"returned":0,"returning":0}],"late_success":"refund","payment":{"id":"pay_","object":"payment","trade_id":"trd_","due":1,"status":"processing","status":"succeeded","amount":,"currency":"CNY","instructions":[{"id":"ins_","tool":"coupon","coupon":"cpn_","amount":,"status":"held","received_amount":0,"returned_amount":0,"surplus":false},{"id":"ins_","tool":"channel","method":"card","channel_account":"sandbox","amount":,"status":"sent","received_amount":0,"returned_amount":0,"surplus":false},{"id":"ins_","tool":"balance","amount":,"status":"succeeded","received_amount":,"returned_amount":0,"surplus":false}],"next_action":null,"failure":null,"rule_version":1,"created_at":"2026-","sequence":1},"created_at":"2026-","expires_at":"2026-","sequence":3}"#;

/// A text that is packed in its column.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(pub Arc<str>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body of {} bytes", self.0.len())
    }
}

impl AsCell for Body {
    const KIND: Kind = Kind::Bytes;

    fn into_cell(self) -> Cell {
        let text = self.0.as_bytes();
        let block = lz4_flex::block::compress_with_dict(text, SAMPLE);
        let mut packed = Vec::with_capacity(block.len().min(text.len()) + 5);
        match u32::try_from(text.len()) {
            Ok(length) if block.len() + 4 < text.len() => {
                packed.push(LZ4_SAMPLE_1);
                packed.extend_from_slice(&length.to_le_bytes());
                packed.extend_from_slice(&block);
            }
            _ => {
                packed.push(PLAIN);
                packed.extend_from_slice(text);
            }
        }
        Cell::Bytes(packed.into())
    }

    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        let packed = cells.bytes()?;
        let text = match packed.split_first() {
            Some((&PLAIN, text)) => text.to_vec(),
            Some((&LZ4_SAMPLE_1, rest)) => unpack(rest).ok_or_else(|| cells.wrong("cannot be unpacked"))?,
            _ => return Err(cells.wrong("is packed in a way that is not known")),
        };
        let text = String::from_utf8(text).map_err(|_| cells.wrong("is not text"))?;
        Ok(Self(text.into()))
    }
}

fn unpack(rest: &[u8]) -> Option<Vec<u8>> {
    let (length, block) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // A damaged length must not ask for more memory than any body takes.
    let sound = length <= kernel::limits::MAX_STORED_BODY_BYTES;
    let text = lz4_flex::block::decompress_with_dict(block, sound.then_some(length)?, SAMPLE).ok()?;
    (text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Row, row};

    row! {
        /// A row with nothing but a body.
        struct Only in Main "only" key 1 {
            /// The key.
            no: i64,
            /// The body.
            body: Option<Body>,
        }
    }

    fn through(text: &str) -> (usize, Body) {
        let cells = Only { no: 1, body: Some(Body(text.into())) }.cells();
        let size = match cells.get(1) {
            Some(Cell::Bytes(bytes)) => bytes.len(),
            other => panic!("a body is bytes, not {other:?}"),
        };
        (size, Only::from_cells(cells).unwrap().body.unwrap())
    }

    #[test]
    fn a_trade_is_packed_to_less_than_half() {
        let text = r#"{"id":"trd_01m84qvhbnzmska7kepcqz8cds","object":"trade","status":"completed","closing":false,"type":"instant","sub_type":"shop.checkout","merchant_id":"mch_01m84qvhaw98r3zg2dpnwvgtww","merchant_order_id":"A1","amount":1200,"currency":"CNY","paid_amount":1200,"confirmed_amount":1200,"escrow_amount":0,"refunded_amount":0,"refundable_amount":1200,"buyer":"42","splits":[{"receiver":"merchant:mch_01m84qvhaw98r3zg2dpnwvgtww","amount":1200,"released":1200,"returned":0,"returning":0}],"late_success":"refund","payment":{"id":"pay_01m84qvhbnzmska7kepcqz8cds001","object":"payment","trade_id":"trd_01m84qvhbnzmska7kepcqz8cds","due":1,"status":"succeeded","amount":1200,"currency":"CNY","instructions":[{"id":"ins_01m84qvhbnzmska7kepcqz8cds001","tool":"balance","amount":1200,"status":"succeeded","received_amount":1200,"returned_amount":0,"surplus":false}],"next_action":null,"failure":null,"rule_version":1,"created_at":"2026-11-23T17:39:27.221222Z","sequence":1},"created_at":"2026-11-23T17:39:27.221222Z","expires_at":"2026-11-23T19:39:27.221222Z","sequence":3}"#;
        let (size, back) = through(text);
        assert_eq!(&*back.0, text);
        assert!(size * 2 < text.len(), "{size} of {}", text.len());
    }

    #[test]
    fn what_is_damaged_is_inconsistent() {
        for bytes in
            [vec![], vec![9, 1, 2], vec![1], vec![1, 255, 255, 255, 255, 0], vec![1, 9, 0, 0, 0, 7], vec![0, 0xff]]
        {
            let row = vec![Cell::Int(1), Cell::bytes(bytes)];
            assert!(Only::from_cells(row).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,300}") {
            prop_assert_eq!(&*through(&text).1.0, text.as_str());
        }
    }
}
